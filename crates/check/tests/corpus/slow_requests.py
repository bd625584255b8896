import pandas as pd

LIMIT = 0.8

def main():
    log = pd.read_csv("access.csv")
    slow = log[log["duration"] > LIMIT]
    total = len(log)
    orders = pd.read_csv("orders.csv")
    spent = orders.groupby("user")["price"].sum()
    print(total, len(slow))
    merged = slow.merge(spent.rename("spent"), left_on="user", right_index=True)
    print(merged[["user", "duration", "spent"]].sort_values(["duration", "user"]).head(10).to_string())

if __name__ == "__main__":
    main()
