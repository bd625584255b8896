#: needs numpy
#: limit 400MB
#: exit 0
#: stdout 300000000
import numpy

parts = [numpy.ones(1_250_000) for _ in range(30)]
for _ in range(20):
    parts.pop(0)
    parts.append(numpy.ones(1_250_000))
print(sum(part.nbytes for part in parts))
