import pandas as pd

class Pipeline:
    def __init__(self, path):
        self.frame = pd.read_csv(path)

    def run(self):
        slow = self.frame[self.frame["duration"] > 0.5]
        orders = pd.read_csv("orders.csv")
        totals = orders.groupby("user")["price"].sum()
        counted = len(slow)
        users = pd.read_csv("users.csv")
        joined = users.merge(totals.rename("total"), left_on="user", right_index=True)
        return counted, joined["total"].sum().round(2)

print(Pipeline("access.csv").run())
