import pandas as pd

def batches(path, size):
    frame = pd.read_csv(path)
    for start in range(0, len(frame), size):
        yield frame.iloc[start:start + size]
    orders = pd.read_csv("orders.csv")
    yield orders

def totals():
    log = pd.read_csv("access.csv")
    yield int(log["bytes"].sum())
    users = pd.read_csv("users.csv")
    yield len(users.sort_values("user"))

print([len(batch) for batch in batches("access.csv", 700)])
print(list(totals()))
