#: fires 4: one after another
import pandas as pd
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    frames = list(pool.map(pd.read_csv, files))

#: fires 4: one after another
import pandas as pd
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor()
jobs = [pool.submit(pd.read_parquet, f) for f in files]

#: fires 4: max_threads
import pandas as pd
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
df = pd.read_csv("a.csv")

#: silent
import pandas as pd
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    sizes = list(pool.map(len, files))

#: silent
import pandas as pd
df = pd.read_csv("a.csv")

#: silent
import pandas as pd
import resource
pd.set_option("mode.max_threads", 1)
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
df = pd.read_csv("a.csv")
