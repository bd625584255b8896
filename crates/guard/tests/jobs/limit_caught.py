#: needs numpy
#: limit 300MB
#: exit 0
#: stdout smaller 10
#: peak-below 300MB
import numpy

try:
    all_of_it = numpy.ones(100_000_000)
except MemoryError:
    all_of_it = numpy.ones(10)
    print("smaller", all_of_it.size)
