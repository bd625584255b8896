#: held work 50MB 12
#: processes 2
from concurrent.futures import ProcessPoolExecutor


def work(number):
    block = b"w" * 50_000_000  # <- work
    return number + len(block) * 0


if __name__ == "__main__":
    with ProcessPoolExecutor(1) as pool:
        print(list(pool.map(work, [1])))
