#: fires 3: in parts
import pandas as pd
df = pd.read_csv("a.csv")
rows = df.to_dict("records")

#: fires 3: in parts
import pandas as pd
df = pd.read_csv("a.csv")
values = df["a"].tolist()

#: fires 3: in parts
import json
with open("a.ndjson") as f:
    rows = [json.loads(line) for line in f]

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
d = df.groupby("a").sum().to_dict()

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
names = df.columns.tolist()

#: silent
import json
with open("a.ndjson") as f:
    for line in f:
        print(json.loads(line))
