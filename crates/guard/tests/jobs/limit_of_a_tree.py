#: limit 280MB
#: not-exit 0
#: processes 3
import multiprocessing


def work(size):
    return sum(hash((turn, block[turn])) for turn in range(300_000) for block in [b"w" * size]) * 0 + len(b"v" * size * 2)


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(work, [80_000_000] * 2, chunksize=1))
