#: fires 3: whole columns
import pandas as pd
df = pd.read_csv("a.csv")
for i, row in df.iterrows():
    print(row)

#: fires 3: whole columns
import pandas as pd
df = pd.read_csv("a.csv")
df["c"] = df.apply(lambda r: r.a + r.b, axis=1)

#: fires 2: whole columns
def f(df):
    for row in df.itertuples():
        print(row)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
df["c"] = df["a"].apply(str)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
m = df.apply(max, axis=0)

#: silent
import pandas as pd
df = pd.read_csv("a.csv", nrows=10)
for i, row in df.iterrows():
    print(row)
