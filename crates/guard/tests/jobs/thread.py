#: held made 60MB 5
import threading

kept = []


def work():
    kept.append(b"w" * 60_000_000)  # <- made


thread = threading.Thread(target=work)
thread.start()
thread.join()
print(len(kept))
