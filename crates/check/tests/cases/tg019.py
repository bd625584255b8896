#: fires 2: for line in file
with open("a.log") as f:
    for line in f.readlines():
        print(line)

#: fires 1: for line in file
lines = open("a.log").read().split("\n")

#: fires 3: for line in file
from pathlib import Path
p = Path("a.log")
for line in p.read_text().splitlines():
    print(line)

#: silent
with open("a.log") as f:
    for line in f:
        print(line)

#: silent
with open("a.txt") as f:
    text = f.read()

#: silent
parts = "a b".split()
