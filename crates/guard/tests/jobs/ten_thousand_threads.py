#: stdout 10000
#: held made 60MB 10
import threading

block = b"b" * 60_000_000  # <- made
threading.stack_size(64 << 10)
gate = threading.Event()
done = []


def work():
    gate.wait()
    done.append(len(b"t" * 1000))


threads = []
for _ in range(10_000):
    thread = threading.Thread(target=work)
    thread.start()
    threads.append(thread)
gate.set()
for thread in threads:
    thread.join()
print(len(done))
