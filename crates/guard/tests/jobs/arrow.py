#: needs pyarrow
#: held made 200MB 35
#: variable table 80MB 8
import pyarrow
import pyarrow.compute

table = pyarrow.compute.add(pyarrow.nulls(10_000_000, pyarrow.int64()).fill_null(1), 1)  # <- made
print(len(table))
