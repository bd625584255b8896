import pandas as pd

df = pd.read_csv("access.csv")
threshold = df["bytes"].mean()
least = pd.read_csv("orders.csv")
big = df.query("bytes > @threshold and status == 200")
print(len(big))
values = least["qty"]
picked = df.query("status in @values or bytes > @threshold")
print(len(picked))
users = pd.read_csv("users.csv")
print(users.merge(big, on="user").groupby("country").size())
