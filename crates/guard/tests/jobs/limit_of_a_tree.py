#: limit 280MB
#: not-exit 0
#: processes 3
import multiprocessing


def begin(shared):
    global together
    together = shared


def work(size):
    block = b"w" * size
    together.wait()
    return len(block) + len(b"v" * size * 2)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with context.Pool(2, begin, [context.Barrier(2, timeout=20)]) as pool:
        print(pool.map(work, [80_000_000] * 2, chunksize=1))
