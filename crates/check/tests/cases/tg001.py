#: fires 3: `del raw` after line 3
import pandas as pd
raw = pd.read_csv("a.csv")
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())

#: fires 4: `del raw, part` after line 4
import pandas as pd
raw = pd.read_csv("a.csv")
part = raw["x"]
print(part.mean(), len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())

#: fires 5: `del raw` after line 6
import pandas as pd
def f(c):
    raw = pd.read_csv("a.csv")
    if c:
        print(raw.x.sum())
    else: print(0)
    b = pd.read_csv("b.csv")
    return b.x.sum()

#: fires 4: `del df` after line 4
import pandas as pd
for name in names:
    df = pd.read_csv(name)
    print(df.x.sum())

#: fires 4: `del x` after line 4
import numpy as np
import pandas as pd
x = np.zeros((5000, 5000))
y = x + 1; print(x.sum())
z = pd.read_csv("b.csv")
print(y.sum(), z.x.sum())

#: fires 4: `del df` after line 4
import pandas as pd
df = pd.read_csv("a.csv")
least = 3
print(len(df.query("x > @least")))
df = pd.read_csv("b.csv")
print(df.x.sum())

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
print(len(raw))

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())
print(raw.x.sum())

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
def f():
    return len(raw)
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())
print(b.query("x in @raw.x"))

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())
print(sorted(locals()))

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
kept = []
kept.append(raw)
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())
print(kept)

#: silent
import pandas as pd
try:
    raw = pd.read_csv("a.csv")
    n = len(raw)
    b = pd.read_csv("b.csv")
finally:
    print(raw)

#: silent
import pandas as pd
if c:
    raw = pd.read_csv("a.csv")
else:
    raw = None
for i in range(3):
    if i and c:
        print(len(raw))
    b = pd.read_csv("b.csv")

#: silent
import pandas as pd
import duckdb
raw = pd.read_csv("a.csv")
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())
duckdb.sql("SELECT * FROM raw").show()

#: silent
import pandas as pd
__all__ = ["raw"]
raw = pd.read_csv("a.csv")
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
view = raw["x"]
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())
print(view.sum())

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
print(len(raw))  # tidegate: ignore[TG001]
b = pd.read_csv("b.csv")
print(b.x.sum())

#: fires 5: `del parts` after line 5
import pandas as pd
parts = []
for name in names:
    parts.append(pd.read_csv(name))
whole = pd.concat(parts)
b = pd.read_csv("b.csv")
print(whole.merge(b, on="k", validate="m:1").shape)

#: silent
import pandas as pd
with manager():
    raw = pd.read_csv("a.csv")
    print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum(), raw.x.sum())

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
n = len(raw)
del (raw, n)
b = pd.read_csv("b.csv")
print(b.x.sum())

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
kept = [raw, open("x")]
print(len(raw))
b = pd.read_csv("b.csv")
print(b.x.sum())

#: silent
import numpy as np
import pandas as pd
def f(df):
    random = np.random.RandomState([3290328901, 323293105, 121029109])
    y = random.standard_normal(300)
    return df.sort_values("x").merge(pd.DataFrame(y))

#: silent
import pandas as pd
def f(df):
    mask = ~df["x"].isna() & df["y"].duplicated() & df["z"].isin([1, 2])
    few = df[mask]
    return few.sort_values("x")

#: silent
import pandas as pd
def f(df):
    first = pd.to_datetime(df["at"].iloc[-1]) - pd.to_datetime(df["at"].iloc[0])
    print(first)
    return df.sort_values("x")

#: silent
import numpy as np
def f(phi: np.ndarray):
    for j in range(3):
        w = phi[j]
        below = 1.0 - w * w
        print(below)
        phi = np.dot(phi, phi)
    return phi

#: silent
import pandas as pd
def f(df):
    per_user = df.groupby("user")["x"].apply(lambda x: x.max())
    print(per_user)
    return df.sort_values("x")

#: silent
import io
import pandas as pd
small = pd.read_csv(io.StringIO("a,b\n1,2\n"))
page = pd.read_html("https://example.org")[0]
print(len(small), len(page))
b = pd.read_csv("b.csv")
print(b.x.sum())

#: silent
import pandas as pd
def f(df, name):
    count = len(df) + 2 * df.items_in_it
    last = df[name][3] - df[name][2]
    both = df["a"] | df["b"]
    per_column = df.apply(lambda column: column.max())
    print(count, last, both.sum(), per_column)
    return df.sort_values("x")

#: silent
import pandas as pd
def f(df):
    df = df.drop(columns=["a"])
    few = df[df["x"] > 1]
    return few.sort_values("x")

#: fires 4: `del df` after line 4
import pandas as pd
def f(df):
    df = df[df["x"] > 1]
    few = df.groupby("k").sum()
    return few.sort_values("x")

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
b = pd.read_csv("b.csv")
print(f"{len(raw)=} {b.x.sum()}")

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
b = pd.read_csv("b.csv")
print([raw[name].sum() for name in b.columns])

#: silent
import pandas as pd
raw = pd.read_csv("a.csv")
other = raw
print(len(raw))
b = pd.read_csv("b.csv")
print(other.merge(b, on="k", validate="m:1"))

#: silent
import pandas as pd
class Job:
    def load(self):
        raw = pd.read_csv("a.csv")
        self.raw = raw
        print(len(raw))
        self.b = pd.read_csv("b.csv")

#: silent
import pandas as pd
def load():
    global raw
    raw = pd.read_csv("a.csv")
    print(len(raw))
    return pd.read_csv("b.csv")

#: fires 8: `del raw` after line 9
import pandas as pd
while True:
    raw = pd.read_csv("a.csv")
    try:
        print(len(raw))
        b = pd.read_csv("b.csv")
    except OSError:
        print(raw.x.sum())
        break

#: fires 6: `del raw` after line 7
import pandas as pd
def f(path):
    try:
        raw = pd.read_csv(path)
        with open("n.txt", "w") as file:
            print(len(raw), file=file)
            file.flush()
        b = pd.read_csv("b.csv")
        return b.x.sum()
    finally:
        print("done")
