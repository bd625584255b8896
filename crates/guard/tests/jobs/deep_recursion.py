#: held made 60MB 5
import sys

sys.setrecursionlimit(5000)


def down(depth):
    if depth == 0:
        return b"d" * 60_000_000  # <- made
    return down(depth - 1)


block = down(2000)
print(len(block))
