#: held made 60MB 5
#: variable kept|block 60MB 5
def fails():
    block = b"b" * 60_000_000  # <- made
    raise ValueError(len(block))


try:
    fails()
except ValueError as error:
    kept = error
filler = [0] * 5_000_000
print(kept)
