#: needs numpy
#: held twice 160MB 8
#: held kept 80MB 8
import numpy

kept = numpy.ones(10_000_000)  # <- kept
total = numpy.cumsum(kept + 1)[-1]  # <- twice
print(total)
