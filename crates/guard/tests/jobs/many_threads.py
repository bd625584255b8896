#: exit 0
#: stdout 400
import threading

gate = threading.Event()
done = []


def work():
    gate.wait()
    done.append(len(b"t" * 600_000))


threads = [threading.Thread(target=work) for _ in range(400)]
for thread in threads:
    thread.start()
gate.set()
for thread in threads:
    thread.join()
print(len(done))
