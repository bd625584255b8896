#: fires 2: "method": "category"
import pandas as pd
df = pd.read_csv("a.csv")
x = df[df["method"] == "GET"]
print(df.groupby("method")["bytes"].sum())

#: fires 2: "method": "category"
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df)

#: fires 2: "path": "category"
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df["path"].value_counts())

#: silent
import pandas as pd
df = pd.read_csv("a.csv", dtype={"method": "category"})
x = df[df["method"] == "GET"]
print(df.groupby("method")["bytes"].sum())

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df.groupby("status")["bytes"].sum())

#: silent
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df["bytes"].sum())
