import pandas as pd

df = pd.read_csv("access.csv")
df = df.dropna()
df = df[df["status"] < 400]
df = df.sort_values(["user", "ts", "path"])
summary = df.groupby("user")["bytes"].agg(["sum", "count"])
print(summary.head())
df = pd.read_csv("orders.csv")
print(df.groupby("item")["price"].mean().round(3))
df = pd.read_csv("users.csv")
print(df["country"].value_counts().sort_index())
