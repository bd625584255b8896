import pandas as pd

log = pd.read_csv("access.csv")
durations = log["duration"]
first = log.iloc[:50]
renamed = log.rename(columns={"bytes": "size"})
print(durations.mean().round(5), first["bytes"].sum())
orders = pd.read_csv("orders.csv")
print(orders["qty"].sum(), renamed["size"].max())
users = pd.read_csv("users.csv")
print(users.merge(orders, on="user").shape)
print(first.shape)
