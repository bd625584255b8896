import pandas as pd

def load():
    frame = None
    try:
        frame = pd.read_csv("access.csv")
        total = frame["bytes"].sum()
        orders = pd.read_csv("orders.csv")
        print(total, orders["price"].sum().round(2))
        raise ValueError("stop")
    except ValueError as error:
        print("caught", error, frame is not None)
    finally:
        print("rows", 0 if frame is None else len(frame))
        users = pd.read_csv("users.csv")
        print(len(users))

load()
