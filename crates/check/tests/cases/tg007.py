#: fires 2: SELECT status, sum(bytes) FROM 'a.csv' GROUP BY status
import pandas as pd
df = pd.read_csv("a.csv")
print(df.groupby("status")["bytes"].sum())

#: fires 2: the `sum` of partial results
import pandas as pd
df = pd.read_csv(path)
counts = df.groupby(["a", "b"]).size()

#: fires 3: the `max` of partial results
import pandas as pd
def f(path):
    df = pd.read_csv(path)
    return df.groupby("k")["v"].max()

#: fires 2: `tidegate query "SELECT status, median(bytes) FROM 'a.csv' GROUP BY status"`
import pandas as pd
df = pd.read_csv("a.csv")
print(df.groupby("status")["bytes"].median())

#: fires 2: WHERE status >= 500 GROUP BY path ORDER BY count(*) DESC LIMIT 10"
import pandas as pd
df = pd.read_csv("a.csv")
print(df[df["status"] >= 500]["path"].value_counts().head(10))

#: fires 2: `sum` of partial results
import pandas as pd
df = pd.read_csv(path)
print(df["bytes"].sum())

#: silent
import pandas as pd
df = pd.read_csv(path)
print(df.groupby("status")["bytes"].median())

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df.groupby("status")["bytes"].median().plot())
print(df.describe())

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df.groupby("status")["bytes"].sum())
print(len(df))

#: silent
import pandas as pd
df = pd.read_csv("a.csv", nrows=10)
print(df.groupby("status")["bytes"].sum())
