#: fires 2: `nsmallest(10, "a")`
import pandas as pd
x = df.sort_values("a").head(10)

#: fires 1: heapq.nsmallest
best = sorted(values)[:10]

#: fires 2: `nsmallest(3, "a")`
def f(df):
    return df.sort_values("a", ascending=False).tail(3)

#: silent
import pandas as pd
x = df.nlargest(10, "a")

#: silent
x = sorted(values)[2:10]
y = sorted(values)

#: silent
import pandas as pd
x = df.sort_values("a")
print(x)

#: fires 2: `nlargest(5)`
def f(df):
    return df.groupby("k")["a"].sum().sort_values(ascending=False).head()
