#: needs numpy
#: held twice 160MB 8
#: held kept 80MB 8
import numpy

kept = numpy.ones(10_000_000)  # <- kept
total = ((kept + 1) * 2).sum()  # <- twice
print(total)
