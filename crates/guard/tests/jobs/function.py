#: held inner 90MB 5
#: variable rows 90MB 5
def load(size):
    rows = b"r" * size  # <- inner
    return use(rows)


def use(rows):
    parts = [rows[:10] for _ in range(10)]
    return len(parts)


print(load(90_000_000))
