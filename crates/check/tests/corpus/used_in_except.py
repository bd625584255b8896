import pandas as pd

frame = pd.read_csv("access.csv")
try:
    n = len(frame)
    other = pd.read_csv("nothing-here.csv")
    print(n, len(other))
except FileNotFoundError:
    print("fallback", len(frame))
orders = pd.read_csv("orders.csv")
for attempt in range(2):
    try:
        users = pd.read_csv("users.csv")
        if attempt == 0:
            raise RuntimeError("again")
        print(len(users.merge(orders, on="user")))
    except RuntimeError:
        continue
    finally:
        print("attempt", attempt)
