#: fires 2: tidegate guard
import pandas as pd
df = pd.read_csv("a.csv")
print(len(df))

#: fires 3: tidegate guard
import pandas as pd
def main():
    df = pd.read_parquet("a.parquet")
    print(len(df))
if __name__ == "__main__":
    main()

#: fires 2: tidegate guard
import numpy as np
values = np.load("a.npy")
print(values.sum())

#: silent
import pandas as pd
import resource
df = pd.read_csv("a.csv")
print(len(df), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

#: silent
import pandas as pd
import psutil
df = pd.read_csv("a.csv")
print(psutil.Process().memory_info())

#: silent
import pandas as pd
def load():
    return pd.read_csv("a.csv")
