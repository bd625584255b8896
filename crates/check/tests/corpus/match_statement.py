import pandas as pd

def load(kind):
    match kind:
        case "access":
            frame = pd.read_csv("access.csv")
        case "orders" | "sales":
            frame = pd.read_csv("orders.csv")
        case _:
            return 0
    rows = len(frame)
    users = pd.read_csv("users.csv")
    return rows + len(users.merge(users, on="user"))

print(load("access"), load("orders"), load("x"))
