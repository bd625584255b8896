#: limit 120MB
#: exit 3
#: stderr mine
import sys


def hook(kind, value, trace):
    print("mine", kind.__name__, file=sys.stderr)


sys.excepthook = hook
block = b"h" * 200_000_000
