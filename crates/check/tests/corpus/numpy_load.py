import numpy as np

table = np.loadtxt("numbers.txt")
centered = table - table.mean(axis=0)
norms = np.sqrt((centered ** 2).sum(axis=1))
order = np.argsort(norms)
print(order[:5])
other = np.genfromtxt("numbers.txt")
both = np.vstack([other, other])
print(both.shape, round(float(norms.max()), 4))
np.save("both.npy", both)
