import pandas as pd

log = pd.read_csv("access.csv")
print(f"rows={len(log):,} bytes={log['bytes'].sum():>12}")
orders = pd.read_csv("orders.csv")
joined = orders.merge(orders, on="user", suffixes=("", "_other"))
print(f"{joined.shape=}")
print(f"{log.shape[0]} again")
users = pd.read_csv("users.csv").sort_values("rate")
print(f"{users['rate'].max():.2f}")
