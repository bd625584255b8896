#: needs pandas
#: limit 700MB
#: exit 3
#: delete raw last
#: variable raw 160MB 10
#: says del raw
#: thrown refused
import numpy
import pandas

raw = pandas.DataFrame({"a": numpy.ones(10_000_000), "b": numpy.ones(10_000_000)})
small = raw[["a"]].sum()  # <- last
wide = numpy.ones((100_000, 1_500))  # <- refused
print(small, wide.size)
