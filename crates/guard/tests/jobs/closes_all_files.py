#: stdout 60000000
#: held made 60MB 5
import os

os.closerange(3, 4096)
block = b"c" * 60_000_000  # <- made
print(len(block))
