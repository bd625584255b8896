#: limit 150MB
#: exit 0
#: stdout 200000000
import mmap
import os
import tempfile

with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
    for _ in range(200):
        file.write(b"m" * 1_000_000)
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        print(sum(len(mapped[at : at + 1_000_000]) for at in range(0, 200_000_000, 1_000_000)))
