#: needs pandas
#: held made 200MB 10
import pandas as pd
import numpy as np

# Libraries ask for memory that they never touch; this is touched, though later than it is asked for.
made = np.zeros(25_000_000)  # <- made
made[:] = 1.0
print(made.sum(), len(pd.Series([1])))
