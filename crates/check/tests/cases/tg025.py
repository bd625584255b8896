#: fires 5: send paths
import pandas as pd
from multiprocessing import Pool, Process
df = pd.read_csv("a.csv")
with Pool(4) as pool:
    pool.starmap(work, [(df, 1), (df, 2)])

#: fires 4: send paths
import pandas as pd
from multiprocessing import Pool, Process
df = pd.read_csv("a.csv")
p = Process(target=work, args=(df,))

#: fires 5: send paths
import pandas as pd
from concurrent.futures import ProcessPoolExecutor
df = pd.read_csv("a.csv")
ex = ProcessPoolExecutor()
ex.submit(work, df)

#: silent
import pandas as pd
from multiprocessing import Pool, Process
df = pd.read_csv("a.csv")
with Pool(4) as pool:
    pool.map(work, files)

#: silent
import pandas as pd
from concurrent.futures import ThreadPoolExecutor
df = pd.read_csv("a.csv")
pool = ThreadPoolExecutor()
pool.submit(work, df)

#: silent
import pandas as pd
df = pd.read_csv("a.csv")
x = pool.submit(work, df)
