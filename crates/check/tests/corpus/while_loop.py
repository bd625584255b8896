import pandas as pd

page = 0
seen = 0
while True:
    block = pd.read_csv("access.csv", skiprows=range(1, page * 400 + 1), nrows=400)
    if block.empty:
        break
    seen += len(block)
    big = block[block["bytes"] > 5000]
    if len(big) == 0:
        page += 1
        continue
    print(page, len(big))
    page += 1
else:
    print("never")
print(seen, len(block))
orders = pd.read_csv("orders.csv")
print(orders["qty"].max())
