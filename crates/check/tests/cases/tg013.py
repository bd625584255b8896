#: fires 2: aggregate each chunk
import pandas as pd
df = pd.concat(pd.read_csv("a.csv", chunksize=1000))

#: fires 2: aggregate each chunk
import pandas as pd
df = pd.concat([c for c in pd.read_csv("a.csv", chunksize=1000)])

#: fires 3: aggregate each chunk
import pandas as pd
reader = pd.read_csv("a.csv", chunksize=1000)
df = pd.concat(reader, ignore_index=True)

#: silent
import pandas as pd
df = pd.concat([c[c.x > 1] for c in pd.read_csv("a.csv", chunksize=1000)])

#: silent
import pandas as pd
df = pd.concat([c for c in pd.read_csv("a.csv", chunksize=1000) if len(c)])

#: silent
import pandas as pd
df = pd.concat([pd.read_csv(f) for f in files])
