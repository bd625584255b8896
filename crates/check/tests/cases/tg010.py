#: fires 2: dtype
import pandas as pd
df = pd.read_csv("a.csv", low_memory=False)

#: fires 2: dtype
from pandas import read_csv
df = read_csv("a.csv", sep=";", low_memory=False)

#: fires 3: dtype
import pandas
def f(p):
    return pandas.read_csv(p, low_memory=False)

#: silent
import pandas as pd
df = pd.read_csv("a.csv", low_memory=True)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")

#: silent
df = read_csv("a.csv", low_memory=False)
