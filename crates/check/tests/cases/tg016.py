#: fires 4: validate
import pandas as pd
a = pd.read_csv("a.csv")
b = pd.read_csv("b.csv")
c = a.merge(b, on="k")

#: fires 4: name the keys
import pandas as pd
a = pd.read_csv("a.csv")
b = pd.read_csv("b.csv")
c = pd.merge(a, b, how="cross")

#: fires 3: aggregate by the key first
import pandas as pd
a = pd.read_csv("a.csv")
c = a.merge(a, on="k")

#: silent
import pandas as pd
a = pd.read_csv("a.csv")
b = pd.read_csv("b.csv")
c = a.merge(b, on="k", validate="m:1")

#: silent
import pandas as pd
a = pd.read_csv("a.csv")
b = pd.read_csv("b.csv")
b = b.groupby("k").sum()
c = a.merge(b, on="k")

#: silent
import pandas as pd
a = pd.read_csv("a.csv")
b = pd.read_csv("b.csv")
b = b.drop_duplicates("k")
c = a.merge(b, on="k")

#: fires 4: validate
import pandas as pd
a = pd.read_csv("a.csv")
b = pd.read_csv("b.csv")
c = pd.merge(a, b, on="k")
