#: exit 0
#: stdout 60
import subprocess

done = [subprocess.run(["true"]).returncode for _ in range(60)]
print(len(done))
