import pandas as pd

a = pd.read_csv("access.csv"); n = len(a); b = pd.read_csv("orders.csv")
print(n, len(b))
if n: c = pd.read_csv("users.csv"); print(len(c))
d = pd.read_csv("access.csv")
print(d["bytes"].sum());
e = pd.read_csv("orders.csv")  # the rest
print(e["price"]
      .sum()
      .round(2))
f = pd.read_csv("users.csv").sort_values("user")
print(f.iloc[0]["user"])
