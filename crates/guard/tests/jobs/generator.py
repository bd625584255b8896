#: held made 60MB 5
#: variable block|rows 60MB 5
def read():
    block = b"b" * 60_000_000  # <- made
    for at in range(3):
        yield block[at]


rows = read()
print(next(rows), len([0] * 2_000_000))
