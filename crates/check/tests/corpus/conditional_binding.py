import pandas as pd

want = True
if want:
    extra = pd.read_csv("orders.csv")
log = pd.read_csv("access.csv")
if want:
    print(len(extra))
print(len(log))
users = pd.read_csv("users.csv")
try:
    maybe = pd.read_csv("missing.csv")
except FileNotFoundError:
    maybe = pd.read_csv("orders.csv")
print(len(maybe))
last = pd.read_csv("access.csv").sort_values(["bytes", "ts", "user", "path"])
print(last["bytes"].iloc[-1], len(users))
