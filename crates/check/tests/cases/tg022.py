#: fires 3: chunk by chunk
import pandas as pd
df = pd.read_csv("a.csv")
parts = df["url"].str.split("/", expand=True)

#: fires 3: chunk by chunk
import pandas as pd
df = pd.read_csv("a.csv")
x = df["url"].str.extract(r"id=(\d+)")

#: fires 2: chunk by chunk
def f(df):
    df[["a", "b"]] = df.url.str.rsplit("/", n=1, expand=True)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
parts = df["url"].str.split("/")

#: silent
import pandas as pd
for chunk in pd.read_csv("a.csv", chunksize=9):
    parts = chunk["url"].str.split("/", expand=True)

#: silent
parts = text.split("/")
