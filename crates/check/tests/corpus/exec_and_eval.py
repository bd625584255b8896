import pandas as pd

base = pd.read_csv("access.csv")
n = len(base)
orders = pd.read_csv("orders.csv")
print(eval("base['bytes'].max()"), n, len(orders))

def inner():
    frame = pd.read_csv("users.csv")
    k = len(frame)
    more = pd.read_csv("orders.csv")
    exec("print(len(frame))")
    return k + len(more)

print(inner())
