import numpy as np

rng = np.random.default_rng(7)
x = rng.normal(size=(1000, 1200))
mean = x.mean(axis=0)
scaled = (x - mean) / x.std(axis=0)
cov = np.dot(scaled.T, scaled) / len(scaled)
print(cov.shape, round(float(np.trace(cov)), 3))
values = np.sort(cov, axis=None)
print(round(float(values[-1]), 3))
table = np.loadtxt("numbers.txt")
print(np.concatenate([table, table]).sum())
