#: needs pandas
#: held made 80MB 8
#: held sorted 200MB 20
#: variable frame 80MB 10
import numpy
import pandas

frame = pandas.DataFrame({"a": numpy.arange(5_000_000), "b": numpy.ones(5_000_000)})  # <- made
ordered = frame.sort_values("a", ascending=False)  # <- sorted
print(len(ordered))
