#: stdout 20
#: processes 20
import subprocess
import sys

done = [subprocess.run([sys.executable, "-S", "-c", "block = b'x' * 3_000_000"]).returncode for _ in range(20)]
print(done.count(0))
