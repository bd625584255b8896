#: held parent 40MB 10
#: processes 2
#: peak-above 110MB
import subprocess
import sys

block = b"s" * 40_000_000  # <- parent
code = "block = b'c' * 70_000_000\nprint(len(block))"
print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout, len(block))
