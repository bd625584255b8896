import contextlib
import pandas as pd

with contextlib.suppress(KeyError):
    frame = pd.read_csv("access.csv")
    print(frame["no such column"].sum())
orders = pd.read_csv("orders.csv")
print(len(frame), len(orders))
with open("note.txt", "w") as file:
    users = pd.read_csv("users.csv")
    file.write(f"{len(users)}\n")
late = pd.read_csv("access.csv").sort_values(["ts", "path", "user"])
print(late["path"].iloc[0])
