#: stdout 40000000
#: held made 40MB 8
import os
import shutil
import sys

block = b"r" * 40_000_000  # <- made
total = sum(hash((number, 1)) for number in range(3_000_000))
shutil.rmtree(os.environ["TIDEGATE_GUARD"])
print(os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", "pass"]) + len(block))
