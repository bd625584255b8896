#: exit 143
import os
import signal

os.kill(os.getpid(), signal.SIGTERM)
