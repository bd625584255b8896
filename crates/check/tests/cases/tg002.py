#: fires 2: `usecols=["status", "bytes"]`
import pandas as pd
df = pd.read_csv("a.csv")
print(df.groupby("status")["bytes"].sum())

#: fires 2: `usecols=["status"]`
import pandas as pd
df = pd.read_csv("a.csv", sep=";")
bad = df[df["status"] > 499]
print(len(bad))

#: fires 3: `usecols=["method", "bytes"]`
import pandas as pd
def f(p):
    df = pd.read_csv(p)
    return df.loc[df.method == "GET", "bytes"].max()

#: fires 2: `usecols=["method", "bytes"]`
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df.groupby("method").agg({"bytes": "sum"}))

#: silent
import pandas as pd
df = pd.read_csv("a.csv", usecols=["status"])
print(df["status"].sum())

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df["status"].sum())
df.to_csv("b.csv")

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
show(df)
print(df["status"].sum())

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df.groupby("status").sum())

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df[df["status"] > 1])

#: silent
import pandas as pd
other = pd.DataFrame({"age": [1]})
lim = pd.read_csv("orders.csv")
print(lim["amount"].max(), len(other.query("age > @lim.status.mean() / 10")))

#: silent
import pandas as pd
df = pd.read_csv("orders.csv")
print(df["amount"].max(), pd.eval("df.status + 1"))

#: fires 3: usecols=["status", "amount"]
import pandas as pd
least = 3
df = pd.read_csv("orders.csv")
print(df.query("status > @least.value")["amount"].max())
