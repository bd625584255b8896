#: stdout done
import os
import pathlib
import random

block = b"w" * 30_000_000
for file in pathlib.Path(os.environ["TIDEGATE_GUARD"]).glob("%d.*" % os.getpid()):
    with open(file, "r+b") as mapped:
        mapped.write(random.Random(1).randbytes(4 << 20))
for _ in range(300):
    block = b"v" * 1_000_000
    texts = [str(number) for number in range(10_000)]
print("done")
