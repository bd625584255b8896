#: needs numpy
#: limit 300MB
#: exit 3
#: thrown refused
#: peak-below 300MB
#: asked 800MB
import numpy

first = numpy.ones(10_000_000)
second = numpy.ones((100_000, 1_000))  # <- refused
print(first.size, second.size)
