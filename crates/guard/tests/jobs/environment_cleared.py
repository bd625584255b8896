#: exit 0
#: stdout 90000000
#: held first 30MB 8
import os
import sys

first = b"f" * 30_000_000  # <- first
code = "print(len(b'c' * 90_000_000))"
process = os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-c", code], {})
sys.exit(process)
