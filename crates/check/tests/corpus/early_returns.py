import pandas as pd

def check(limit):
    frame = pd.read_csv("access.csv")
    if len(frame) > limit:
        orders = pd.read_csv("orders.csv")
        return len(orders.merge(frame, on="user"))
    count = len(frame)
    users = pd.read_csv("users.csv")
    for user in users["user"]:
        if user == "u3":
            return count, user
    return None

print(check(10), check(100000))
