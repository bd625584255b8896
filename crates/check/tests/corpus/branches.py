import sys
import pandas as pd

mode = sys.argv[1] if len(sys.argv) > 1 else "full"
if mode == "full":
    data = pd.read_csv("access.csv")
else:
    data = pd.read_csv("orders.csv")
rows = len(data)
if rows > 100:
    print("large", rows, data.shape[1])
else:
    print("small")
users = pd.read_csv("users.csv")
print(users.sort_values("user").head(3))
