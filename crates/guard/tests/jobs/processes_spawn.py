#: held work 100MB 12
#: peak-above 90MB
#: processes 3
import multiprocessing


def begin(shared):
    global together
    together = shared


def work(number):
    block = b"w" * 50_000_000  # <- work
    together.wait()
    return number + len(block) * 0


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with context.Pool(2, begin, [context.Barrier(2)]) as pool:
        print(sum(pool.map(work, [1, 2], chunksize=1)))
