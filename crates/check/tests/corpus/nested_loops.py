import pandas as pd

results = []
for status in [200, 404, 500]:
    frame = pd.read_csv("access.csv")
    subset = frame[frame["status"] == status]
    for method in ["GET", "POST"]:
        part = subset[subset["method"] == method]
        if part.empty:
            continue
        results.append((status, method, int(part["bytes"].sum())))
    extra = pd.read_csv("orders.csv")
    results.append((status, "orders", len(extra)))
print(results)
