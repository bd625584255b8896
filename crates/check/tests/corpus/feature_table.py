import numpy as np
import pandas as pd

access = pd.read_csv("access.csv")
orders = pd.read_csv("orders.csv")
visits = access.groupby("user").agg(n=("path", "size"), bytes=("bytes", "sum"))
spent = orders.groupby("user").agg(spent=("price", "sum"), items=("qty", "sum"))
features = visits.join(spent, how="outer").fillna(0)
matrix = features.to_numpy(dtype=float)
matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
distance = np.sqrt(((matrix[:, None, :] - matrix[None, :, :]) ** 2).sum(axis=2))
print(distance.shape, round(float(distance.sum()), 2))
features.sort_index().round(3).to_csv("features.csv")
