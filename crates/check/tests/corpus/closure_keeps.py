import pandas as pd

lookup = pd.read_csv("users.csv")

def country_of(user):
    return lookup.loc[lookup["user"] == user, "country"].iloc[0]

log = pd.read_csv("access.csv")
top = log["user"].value_counts().sort_index().index[:3]
sizes = log.groupby("user")["bytes"].sum()
orders = pd.read_csv("orders.csv")
print(orders.groupby("item")["qty"].sum())
for user in top:
    print(user, country_of(user), sizes[user])
