#: exit 137
#: held made 80MB 5
import os
import signal

block = b"k" * 80_000_000  # <- made
os.kill(os.getpid(), signal.SIGKILL)
