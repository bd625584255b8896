#: fires 2: index_col=False
import pandas as pd
df = pd.read_csv("../data/shifted.csv")

#: fires 3: index_col=False
import pandas as pd
def f():
    df = pd.read_csv("../data/shifted.csv", dtype={"a": "str"})
    return df

#: fires 2: index_col=False
import pandas as pd
data = pd.read_csv("../data/shifted.csv")
print(data["a"].sum())

#: silent
import pandas as pd
df = pd.read_csv("../data/shifted.csv", index_col=False)

#: silent
import pandas as pd
df = pd.read_csv("../data/log.csv")

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
