import numpy as np
import pandas as pd

def fit(x, y):
    weights, *_ = np.linalg.lstsq(x, y, rcond=None)
    return weights

data = pd.read_csv("access.csv")
features = data[["bytes", "status"]].to_numpy(dtype=float)
target = data["duration"].to_numpy()
split = int(len(features) * 0.8)
train_x, test_x = features[:split], features[split:]
train_y, test_y = target[:split], target[split:]
weights = fit(train_x, train_y)
predicted = np.dot(test_x, weights)
error = np.sqrt(np.mean((predicted - test_y) ** 2))
print(weights.shape, round(float(error), 4))
orders = pd.read_csv("orders.csv")
print(orders.groupby("user")["price"].sum().round(2).sort_index().head(2))
