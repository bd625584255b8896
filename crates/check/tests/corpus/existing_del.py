import gc
import pandas as pd

raw = pd.read_csv("access.csv")
slim = raw[["user", "bytes"]]
del raw
gc.collect()
orders = pd.read_csv("orders.csv")
if len(orders) > 5:
    big = pd.read_csv("access.csv")
    print(len(big))
    del big
joined = slim.merge(orders, on="user")
print(joined["bytes"].sum())
users = pd.read_csv("users.csv")
print(len(users))
