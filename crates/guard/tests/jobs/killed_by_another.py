#: exit 137
#: held made 80MB 5
import os
import signal

block = b"k" * 80_000_000  # <- made
more = b"m" * 6_000_000
os.kill(os.getpid(), signal.SIGKILL)
