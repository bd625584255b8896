import pandas as pd

log = pd.read_csv("access.csv")
log["hour"] = pd.to_datetime(log["ts"]).dt.hour
wide = log.pivot_table(index="hour", columns="status", values="bytes", aggfunc="sum", fill_value=0)
print(wide.sum())
shares = wide.div(wide.sum(axis=1), axis=0).round(3)
print(shares.head(3))
dummies = pd.get_dummies(log["method"])
print(dummies.sum())
orders = pd.read_csv("orders.csv")
print(orders.pivot_table(index="item", values="qty", aggfunc="sum"))
