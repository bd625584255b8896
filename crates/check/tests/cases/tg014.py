#: fires 3: leave
import pandas as pd
df = pd.read_csv("a.csv")
x = df[df["a"] > 1].copy()

#: fires 2: leave
import pandas as pd
df = pd.read_csv("a.csv").copy()

#: fires 3: leave
import pandas as pd
df = pd.read_csv("a.csv")
x = df.merge(other, on="a").copy()

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
x = df.copy()

#: silent
x = {}.copy()
y = [1, 2].copy()

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
x = df[df["a"] > 1]
