#: needs numpy
#: held made 100MB 5
#: variable big 100MB 5
import numpy

big = numpy.ones(12_500_000)  # <- made
print(big.size)
