#: fires 2: tidegate guard --limit
import pandas as pd
df = pd.read_csv("a.csv")
print(len(df))

#: fires 3: tidegate guard --limit
import pandas as pd
def main():
    df = pd.read_parquet("a.parquet")
    print(len(df))
if __name__ == "__main__":
    main()

#: fires 2: tidegate guard --limit
import numpy as np
values = np.load("a.npy")
print(values.sum(), np.load("b.npy").sum())

#: silent
import pandas as pd
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
df = pd.read_csv("a.csv")
print(len(df))

#: silent
import pandas as pd
def load():
    return pd.read_csv("a.csv")

#: silent
print(sum(range(10)))

#: silent
import duckdb
import pandas as pd
duckdb.connect(config={"memory_limit": "1GB"})
duckdb.connect(memory_limit="1GB")
df = pd.read_csv("a.csv")
