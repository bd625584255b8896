import pandas as pd

log = pd.read_csv("access.csv")
print(log.groupby("status")["bytes"].sum())
print(log["duration"].mean().round(5))
gets = (log["method"] == "GET").sum()
print(gets)
orders = pd.read_csv("orders.csv")
paid = orders[orders["price"] > 10]
print(paid["qty"].sum(), len(orders))
