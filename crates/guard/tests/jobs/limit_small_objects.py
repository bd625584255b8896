#: limit 150MB
#: exit 3
#: thrown grows
#: peak-below 170MB
kept = {}
number = 0
while True:
    kept[number] = "text number %d" % number  # <- grows
    number += 1
