#: fires 2: stream
import pandas as pd
df = pd.read_csv("a.csv", engine="pyarrow")

#: fires 2: stream
import pandas as pd
df = pd.read_csv("a.csv", engine="pyarrow", dtype_backend="pyarrow")

#: fires 2: stream
from pandas import read_csv as load
df = load("a.csv", engine="pyarrow")

#: silent
import pandas as pd
df = pd.read_csv("a.csv", engine="c")

#: silent
import pandas as pd
df = pd.read_parquet("a.parquet", engine="pyarrow")

#: silent
import pandas as pd
df = pd.read_csv("a.csv", dtype_backend="pyarrow")
