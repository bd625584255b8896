#: fires 2: `nrows=10`
import pandas as pd
df = pd.read_csv("a.csv")
print(df.head(10))

#: fires 2: `nrows=5`
import pandas as pd
df = pd.read_csv("a.csv")
print(df.head())

#: fires 3: `nrows=7`
import pandas as pd
def f(p):
    df = pd.read_csv(p)
    return df.head(n=7)

#: silent
import pandas as pd
df = pd.read_csv("a.csv", nrows=10)
print(df.head(10))

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df.head(10), len(df))

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df.head(n))
