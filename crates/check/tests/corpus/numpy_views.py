import numpy as np

data = np.zeros((1000, 2000))
row = data[10]
row[:] = 3.0
flat = data.ravel()
print(flat.sum())
big = np.ones((2000, 1000))
product = np.dot(data, big)
print(product.shape, product.max())
total = big.sum()
more = np.concatenate([product, product])
print(more.sum(), total, row.sum())
