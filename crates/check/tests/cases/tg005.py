#: fires 2: pd.read_csv(
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df)

#: fires 2: "method": "category"
import pandas as pd
log = pd.read_csv("../data/log.csv")
log.to_csv("x.csv")

#: fires 3: parse_dates=["ts"]
import pandas as pd
def f():
    df = pd.read_csv("../data/log.csv")
    return df

#: silent
import pandas as pd
df = pd.read_csv("../data/log.csv", dtype={"method": "category"})
print(df)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
print(df)

#: silent
import pandas as pd
df = pd.read_csv("../data/texts.csv")
print(df)

#: silent
import pandas as pd
df = pd.read_csv("../data/log.csv")
print(df["bytes"].sum())
