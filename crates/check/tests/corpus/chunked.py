import pandas as pd

totals = None
for chunk in pd.read_csv("access.csv", chunksize=500):
    part = chunk.groupby("status")["bytes"].sum()
    totals = part if totals is None else totals.add(part, fill_value=0)
print(totals.astype(int))
print(len(chunk))
orders = pd.read_csv("orders.csv")
print(orders.sort_values(["price", "order_id"]).tail(2).to_string())
