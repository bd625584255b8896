#: needs numpy
#: held made 80MB 5
#: variable whole 80MB 5
#: variable part 0MB 0
import numpy

whole = numpy.ones(10_000_000)  # <- made
part = whole[1:]
extra = bytes(1_000_000)
print(part.size)
