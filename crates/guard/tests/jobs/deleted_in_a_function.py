#: needs numpy
#: stdout freed
#: held made 160MB 5
import numpy


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def run():
    raw = numpy.ones(20_000_000)  # <- made
    parts = [numpy.ones(1_250_000) for _ in range(8)]
    before = resident()
    del raw
    freed = before - resident()
    print("freed" if freed > 150_000_000 else freed)
    return len(parts)


run()
