import pandas as pd

rates = pd.read_csv("users.csv").set_index("user")["rate"]
convert = lambda user, price: price * rates[user]
orders = pd.read_csv("orders.csv")
log = pd.read_csv("access.csv")
print(len(log))
print(round(sum(convert(u, p) for u, p in zip(orders["user"], orders["price"])), 2))
