#: fires 2: "status": "int16"
import pandas as pd
df = pd.read_csv("../data/numbers.csv")

#: fires 2: if the whole file fits
import pandas as pd
numbers = pd.read_csv("../data/numbers.csv")
print(numbers)

#: fires 3: "status": "int16"
import pandas as pd
def f():
    df = pd.read_csv("../data/numbers.csv")
    return df

#: silent
import pandas as pd
df = pd.read_csv("a.csv")

#: silent
import pandas as pd
df = pd.read_csv("../data/numbers.csv", dtype={"status": "int16"})

#: silent
import pandas as pd
df = pd.read_csv("../data/texts.csv")
