#: held work 100MB 12
#: peak-above 90MB
#: processes 3
import multiprocessing


def work(number):
    block = b"w" * 50_000_000  # <- work
    return sum(hash((turn, block[turn])) for turn in range(4_000_000)) * 0 + number


if __name__ == "__main__":
    with multiprocessing.get_context("forkserver").Pool(2) as pool:
        print(sum(pool.map(work, [1, 2], chunksize=1)))
