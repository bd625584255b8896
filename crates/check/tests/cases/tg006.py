#: fires 2: usecols=["status", "bytes"]
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df.groupby("status")["bytes"].sum())

#: fires 2: usecols=["method"]
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df["method"].value_counts())

#: fires 3: usecols=["status"]
import pandas as pd
def f():
    df = pd.read_csv("../data/log.csv")
    return df["status"].mean()

#: silent
import pandas as pd
df = pd.read_csv("../data/log.csv", usecols=["status"])
print(df["status"].sum())

#: silent
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df["status"].sum())
