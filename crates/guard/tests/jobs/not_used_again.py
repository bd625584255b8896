#: held made 160MB 5
#: variable raw 160MB 5
#: delete raw last
#: limit 260MB
#: exit 3
#: says del raw
raw = b"r" * 160_000_000  # <- made
small = raw[:10]  # <- last
more = [0] * 30_000_000  # <- refused
print(small, len(more))
