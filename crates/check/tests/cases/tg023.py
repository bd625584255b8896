#: fires 3: columns of one type
import pandas as pd
df = pd.read_csv("a.csv")
m = df.values

#: fires 3: columns of one type
import pandas as pd
df = pd.read_csv("a.csv")
x = df["a"].astype(object)

#: fires 3: columns of one type
import pandas as pd
df = pd.read_csv("a.csv")
x = df.astype("object")

#: silent
d = {}
for v in d.values():
    print(v)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
m = df[["a", "b"]].to_numpy()

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
x = df["a"].astype("int32")
