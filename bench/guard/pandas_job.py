"""The job of the bench: a log is read, grouped and filtered, and some Python is run."""

import os
import sys

import pandas as pd


def work(frame):
    found = 0
    for _ in range(6):
        by_path = frame.groupby("path")["bytes"].sum()
        by_status = frame.groupby(["method", "status"])["duration"].mean()
        good = frame[frame["status"] == 200]
        found += len(by_path) + len(by_status) + len(good)
    return found


frame = pd.read_csv(sys.argv[1])
total = work(frame)
for number in range(300_000):
    total += number * 3 % 7
print(len(frame), total)

if "BENCH_PEAK" in os.environ:
    with open("/proc/self/status") as status, open(os.environ["BENCH_PEAK"], "w") as file:
        file.write(str(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024))
