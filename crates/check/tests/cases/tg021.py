#: fires 2: sparse=True
import pandas as pd
x = pd.get_dummies(df["a"])

#: fires 2: sparse=True
from sklearn.preprocessing import OneHotEncoder
e = OneHotEncoder(sparse_output=False)

#: fires 3: sparse=True
import pandas as pd
df = pd.read_csv("a.csv")
w = df.pivot(index="a", columns="b", values="c")

#: silent
import pandas as pd
x = pd.get_dummies(df["a"], sparse=True)

#: silent
from sklearn.preprocessing import OneHotEncoder
e = OneHotEncoder()

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
w = df.groupby(["a", "b"]).sum().unstack()
