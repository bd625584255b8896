#: needs pandas
#: held read 60MB 60
#: variable frame 25MB 60
#: frame-columns frame 4
import os
import tempfile

import pandas

path = os.path.join(tempfile.mkdtemp(), "access.csv")
with open(path, "w") as file:
    file.write("ts,path,status,agent\n")
    for number in range(40):
        file.write("2026-01-01 10:00:00,/page/%d,200,Mozilla/5.0 (X11; Linux x86_64) Gecko\n" % number * 10_000)
frame = pandas.read_csv(path)  # <- read
counts = frame.groupby("path").size()
os.remove(path)
print(len(frame), len(counts))
