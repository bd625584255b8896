#: needs numpy
#: leak grows
#: held grows 120MB 10
import time

import numpy

kept = []
until = time.perf_counter() + 2
while time.perf_counter() < until:
    if len(kept) < (2 - until + time.perf_counter()) * 60:
        kept.append(numpy.ones(125_000))  # <- grows
print(len(kept) > 0)
