import pandas as pd

parts = []
for name in ["access.csv", "access.csv"]:
    part = pd.read_csv(name)
    part["source"] = name
    parts.append(part)
whole = pd.concat(parts, ignore_index=True)
print(len(whole), whole["source"].nunique())
users = pd.read_csv("users.csv")
joined = whole.merge(users, on="user")
print(joined.groupby("country")["bytes"].sum())
