#: stdout 200
import os
import shutil

true = shutil.which("true")
done = 0
for _ in range(20):
    children = [os.posix_spawn(true, [true], os.environ) for _ in range(10)]
    done += sum(os.waitpid(child, 0)[1] == 0 for child in children)
print(done)
