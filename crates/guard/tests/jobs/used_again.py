#: variable raw 160MB 5
#: keep raw
#: limit 260MB
#: exit 3
raw = b"r" * 160_000_000
more = [0] * 30_000_000
print(raw[:2], len(more))
