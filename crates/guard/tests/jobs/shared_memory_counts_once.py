#: peak-above 80MB
#: peak-below 150MB
#: processes 2
#: stdout 80000000
import multiprocessing
from multiprocessing.shared_memory import SharedMemory


def fill(name, done):
    shared = SharedMemory(name)
    for at in range(0, 80_000_000, 4096):
        shared.buf[at] = 1
    kept = [bytes(1000) for _ in range(3000)]
    done.send(len(kept))
    done.recv()
    shared.close()


if __name__ == "__main__":
    shared = SharedMemory(create=True, size=80_000_000)
    for at in range(0, 80_000_000, 4096):
        shared.buf[at] = 2
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=fill, args=(shared.name, there))
    child.start()
    here.recv()
    here.send("end")
    child.join()
    print(shared.size // 80_000_000 * 80_000_000)
    shared.close()
    shared.unlink()
