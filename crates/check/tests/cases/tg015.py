#: fires 3: assign the result
import pandas as pd
df = pd.read_csv("a.csv")
df.dropna(inplace=True)

#: fires 3: assign the result
import pandas as pd
df = pd.read_csv("a.csv")
df.sort_values("a", inplace=True)

#: fires 2: assign the result
def f(df):
    df.drop_duplicates("a", inplace=True)
    return df

#: silent
def f(df):
    df.drop(columns=["a"], inplace=True)
    return df

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
df = df.dropna()

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
df.fillna(0, inplace=True)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
df.dropna(inplace=False)
