import numpy as np
import pandas as pd

left, right = pd.read_csv("access.csv"), pd.read_csv("orders.csv")
n, m = len(left), len(right)
(first, *rest) = sorted(right["item"].unique())
print(n, m, first, rest)
x = y = pd.read_csv("users.csv")
print(len(x))
sizes = np.array([n, m, len(y)])
both = pd.read_csv("access.csv").merge(pd.read_csv("users.csv"), on="user")
print(sizes.sum(), both.shape)
