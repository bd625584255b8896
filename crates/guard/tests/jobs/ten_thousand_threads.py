#: stdout 10000
#: held made 60MB 10
import _thread

block = b"b" * 60_000_000  # <- made
_thread.stack_size(64 << 10)
done = []


def work(gate, end):
    gate.acquire()
    done.append(len(b"t" * 1000))
    end.release()


def closed():
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock


# All are there at once, and go on one after the other: ten thousand that want the interpreter's lock at once wait for the kernel.
waiting = [(closed(), closed()) for _ in range(10_000)]
for locks in waiting:
    _thread.start_new_thread(work, locks)
for gate, end in waiting:
    gate.release()
    end.acquire()
print(len(done))
