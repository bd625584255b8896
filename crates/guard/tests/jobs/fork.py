#: held made 60MB 8
#: held child 50MB 8
#: processes 2
import os

shared = b"s" * 60_000_000  # <- made
reader, writer = os.pipe()
process = os.fork()
if process == 0:
    own = b"o" * 50_000_000  # <- child
    os.write(writer, b"x")
    os._exit(0)
os.read(reader, 1)
os.waitpid(process, 0)
print(len(shared))
