import pandas as pd

orders = pd.read_csv("orders.csv")
orders["value"] = orders.apply(lambda row: row["qty"] * row["price"], axis=1)
total = 0.0
for _, row in orders.head(20).iterrows():
    total += row["value"]
print(round(total, 2))
best = orders.sort_values(["value", "order_id"], ascending=False).head(3)
print(best[["order_id", "value"]].round(2).to_string())
log = pd.read_csv("access.csv")
records = log.head(3).to_dict("records")
print(records[0]["user"])
print(pd.read_csv("users.csv")["country"].nunique())
