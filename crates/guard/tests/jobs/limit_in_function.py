#: limit 200MB
#: exit 3
#: thrown inner
def grow(size):
    return b"g" * size  # <- inner


def run():
    kept = []
    for size in (50_000_000, 90_000_000, 120_000_000):
        kept.append(grow(size))
    return kept


print(len(run()))
