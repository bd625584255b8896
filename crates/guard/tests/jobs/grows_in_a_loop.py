#: needs numpy
#: leak grows
#: held grows 120MB 10
import time

import numpy

kept = []
until = time.process_time() + 2
while time.process_time() < until:
    if len(kept) < (2 - until + time.process_time()) * 60:
        kept.append(numpy.ones(125_000))  # <- grows
print(len(kept) > 0)
