#: fires 2: nlargest
import pandas as pd
x = df.sort_values("a").head(10)

#: fires 1: nlargest
best = sorted(values)[:10]

#: fires 2: nlargest
def f(df):
    return df.sort_values("a", ascending=False).tail(3)

#: silent
import pandas as pd
x = df.nlargest(10, "a")

#: silent
x = sorted(values)[2:10]
y = sorted(values)

#: silent
import pandas as pd
x = df.sort_values("a")
print(x)
