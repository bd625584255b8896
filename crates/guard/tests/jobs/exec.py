#: exit 0
#: stdout 70000000
#: held-in-code 70MB 8
import os
import sys

before = b"b" * 30_000_000
code = "block = b'c' * 70_000_000; print(len(block))"
os.execv(sys.executable, [sys.executable, "-c", code])
