#: fires 3: observed=True
import pandas as pd
df = pd.read_csv("a.csv", dtype={"a": "category", "b": "category"})
df.groupby(["a", "b"])["n"].sum()

#: fires 4: observed=True
import pandas as pd
df = pd.read_csv("a.csv")
df = df.astype({"a": "category", "b": "category"})
x = df.groupby(["a", "b", "c"]).size()

#: fires 4: observed=True
import pandas as pd
df["a"] = df["a"].astype("category")
df["b"] = df["b"].astype("category")
df.groupby(by=["a", "b"]).size()

#: silent
import pandas as pd
df = pd.read_csv("a.csv", dtype={"a": "category", "b": "category"})
df.groupby(["a", "b"], observed=True)["n"].sum()

#: silent
import pandas as pd
df = pd.read_csv("a.csv", dtype={"a": "category", "b": "category"})
df.groupby("a")["n"].sum()

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
df.groupby(["a", "b"])["n"].sum()
