import pandas as pd

log = pd.read_csv("access.csv")
log.to_csv("copy.csv", index=False)
log.head(5).to_json("head.json", orient="records")
again = pd.read_csv("copy.csv")
print(len(again))
again.sort_values(["bytes", "ts", "user", "path"]).to_csv("sorted.csv", index=False)
orders = pd.read_csv("orders.csv")
with pd.ExcelWriter if False else open("orders.txt", "w") as out:
    out.write(orders.to_string())
print(orders.shape)
