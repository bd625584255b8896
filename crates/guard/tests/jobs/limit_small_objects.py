#: limit 150MB
#: exit 3
#: thrown grows
#: peak-below 170MB
kept = {number: "text number %d" % number for number in range(10**9)}  # <- grows
print(len(kept))
