import pandas as pd

access = pd.read_csv("access.csv")
days = sorted(access["ts"].str.slice(0, 10).unique())
totals = {}
for day in days:
    part = pd.read_csv("access.csv")
    part = part[part["ts"].str.startswith(day)]
    totals[day] = int(part["bytes"].sum())
    print(day, len(part))
print(sum(totals.values()))
orders = pd.read_csv("orders.csv").sort_values("price")
print(orders["price"].iloc[-1])
