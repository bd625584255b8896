#: fires 4: in a list
import pandas as pd
df = pd.DataFrame()
for f in files:
    df = pd.concat([df, pd.read_csv(f)])

#: fires 4: in a list
import numpy as np
a = np.zeros(0)
for x in xs:
    a = np.append(a, x)

#: fires 4: in a list
import numpy as np
a = np.zeros((0, 3))
while more():
    a = np.vstack((a, row()))

#: silent
import pandas as pd
parts = []
for f in files:
    parts.append(pd.read_csv(f))
df = pd.concat(parts)

#: silent
import pandas as pd
df = pd.concat([df, other])

#: silent
import pandas as pd
for f in files:
    both = pd.concat([pd.read_csv(f), base])
