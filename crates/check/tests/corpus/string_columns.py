import pandas as pd

log = pd.read_csv("access.csv")
parts = log["path"].str.split("/", expand=True)
log["root"] = parts[1]
agents = log["user"].str.upper()
print(log["root"].value_counts().sort_index())
print(agents.iloc[0])
orders = pd.read_csv("orders.csv")
print(orders["item"].str.len().sum())
deep = parts[parts[2].notna()]
users = pd.read_csv("users.csv")
print(len(deep), len(users))
