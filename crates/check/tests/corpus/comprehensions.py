import pandas as pd

log = pd.read_csv("access.csv")
wanted = ["GET", "POST"]
counts = {method: int((log["method"] == method).sum()) for method in wanted}
shares = [round(count / len(log), 3) for count in counts.values()]
print(counts, shares)
lazy = (row for row in log["bytes"])
users = pd.read_csv("users.csv").sort_values("user")
print(sum(lazy), len(users))
orders = pd.read_csv("orders.csv")
names = [item.upper() for item in sorted(orders["item"].unique())]
print(names)
more = pd.read_csv("access.csv").groupby("path").size()
print(more.sum())
