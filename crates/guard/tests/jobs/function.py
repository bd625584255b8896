#: held inner 90MB 5
#: variable rows 90MB 5
def load(size):
    rows = b"r" * size  # <- inner
    return use(rows)


def use(rows):
    parts = []
    for at in range(100):
        parts.append(rows[at : at + 10])
    return len(parts)


print(load(90_000_000))
