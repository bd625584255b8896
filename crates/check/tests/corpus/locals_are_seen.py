import pandas as pd

def report():
    frame = pd.read_csv("access.csv")
    count = len(frame)
    other = pd.read_csv("orders.csv")
    names = sorted(name for name in locals() if not name.startswith("_"))
    print(names, count, len(other))

report()
data = pd.read_csv("users.csv")
size = len(data)
more = pd.read_csv("orders.csv").sort_values("price")
print("data" in globals(), size, len(more))
