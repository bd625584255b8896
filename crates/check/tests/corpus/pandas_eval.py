import pandas as pd

left = pd.read_csv("orders.csv")["qty"]
right = pd.read_csv("orders.csv")["price"]
frame = pd.read_csv("orders.csv")
print(len(left), len(right))
value = pd.eval("left * right")
print(round(float(value.sum()), 2))
expression = "qty * price"
frame["value"] = frame.eval(expression)
print(round(float(frame["value"].sum()), 2))
users = pd.read_csv("users.csv")
print(len(users.merge(frame, on="user")))
