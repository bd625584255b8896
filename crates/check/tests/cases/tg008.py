#: fires 2: `parse_dates=["ts"]`
import pandas as pd
df = pd.read_csv("a.csv")
df["ts"] = pd.to_datetime(df["ts"])

#: fires 2: `parse_dates=["day"]`
import pandas as pd
df = pd.read_csv("a.csv")
day = pd.to_datetime(df.day)
print(df)

#: fires 3: `parse_dates=["ts"]`
import pandas as pd
def f():
    log = pd.read_csv("../data/log.csv")
    log["ts"] = pd.to_datetime(log["ts"], utc=True)
    return log

#: silent
import pandas as pd
df = pd.read_csv("a.csv", parse_dates=["ts"])
x = pd.to_datetime(df["ts"])

#: silent
import pandas as pd
df = make()
df["ts"] = pd.to_datetime(df["ts"])

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
x = pd.to_datetime(other["ts"])
