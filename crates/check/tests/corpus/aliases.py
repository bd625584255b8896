import pandas as pd

a = pd.read_csv("access.csv")
b = a
c = a.copy()
c["bytes"] = 0
print(len(b), c["bytes"].sum())
orders = pd.read_csv("orders.csv")
print(b["bytes"].sum(), orders.groupby("user").size().max())
users = pd.read_csv("users.csv").sort_values("user")
print(users.iloc[0].to_dict())
