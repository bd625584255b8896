"""A soak: a thousand queries and a thousand turns of a ``DataProcessor`` in one interpreter, and no drift of memory.

::

    python tests/soak_memory.py                      # 1,000 of each
    python tests/soak_memory.py --queries 0          # without the engine
    python tests/soak_memory.py --turns 50 --queries 50

What is compared is the median of the last tenth of all readings of resident memory with that of the second tenth, when the
interpreter and its packages are warm. The exit code is 1 where a part drifts by more than 5 %.
"""

from __future__ import annotations

import argparse
import csv
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tidegate as tg

LIMIT = 0.05


def drift(readings: list[int]) -> float:
    """Return by what part of itself memory rose from the second tenth of the readings, in bytes, to the last."""
    tenth = max(1, len(readings) // 10)
    first, last = statistics.median(readings[tenth : 2 * tenth] or readings), statistics.median(readings[-tenth:])
    return last / first - 1.0


def write_log(folder: Path, *, rows: int, seed: int) -> Path:
    """Write a CSV file of so many rows, and return its path."""
    rng = random.Random(seed)
    path = folder / f"access{seed}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("status", "bytes", "path", "seconds"))
        for _ in range(rows):
            row = (rng.choice((200, 200, 404, 500)), rng.randrange(10**6), f"/p/{rng.randrange(5000)}", rng.random())
            writer.writerow(row)
    return path


def turns(paths: list[Path], count: int) -> Iterator[int]:
    """Run so many turns, each a file, with pandas where it is installed; yield resident memory after each."""

    def endless() -> Iterator[Any]:
        for number in range(count):
            yield load(paths[number % len(paths)])

    try:
        import pandas
    except ImportError:

        def load(path: Path) -> Any:
            with path.open(newline="") as file:
                return list(csv.DictReader(file))

        def work(rows: Any) -> Any:
            return sum(int(row["bytes"]) for row in rows)
    else:

        def load(path: Path) -> Any:
            return pandas.read_csv(path)

        def work(rows: Any) -> Any:
            return rows.groupby("path")["bytes"].agg(["count", "sum"]).nlargest(5, "sum")

    processor = tg.DataProcessor(endless(), limit="2GB")
    for _ in processor.run(work):
        yield processor.turns[-1].after
    if processor.failed:
        raise SystemExit(processor.report())


def queries(paths: list[Path], count: int) -> Iterator[int]:
    """Run so many queries, and read all of their rows; yield resident memory after each, given back now and then."""
    texts = (
        "SELECT status, count(*) AS n, sum(bytes) AS b FROM '{}' GROUP BY status",
        "SELECT path, bytes FROM '{}' WHERE status = 404",
        "SELECT 1 AS one",
    )
    for number in range(count):
        query = tg.sql(texts[number % len(texts)].format(paths[number % len(paths)]), limit="128MB")
        for _ in query.iter_batches():
            pass
        if number % 50 == 49:
            tg.release_memory()
        yield tg.memory(top=0).rss


def report(name: str, readings: Iterator[int], count: int) -> bool:
    """Take all readings, say how they went, and return whether they hold the limit of drift."""
    taken: list[int] = []
    start = time.perf_counter()
    for reading in readings:
        taken.append(reading)
        if len(taken) % max(1, count // 10) == 0:
            sys.stderr.write(f"{name} {len(taken):>6,}  {reading / 1e6:8.1f} MB\n")
    seconds = time.perf_counter() - start
    rose = drift(taken)
    highest = max(taken) / 1e6
    sys.stdout.write(f"{name}: {len(taken):,} in {seconds:.0f} s, drift {rose:+.2%}, highest {highest:.1f} MB\n")
    return rose <= LIMIT


def main() -> int:
    """Run the soak, and return the exit code."""
    options = argparse.ArgumentParser(description="A soak of queries and turns in one interpreter.")
    options.add_argument("--turns", type=int, default=1000)
    options.add_argument("--queries", type=int, default=1000)
    options.add_argument("--rows", type=int, default=20_000, help="rows of each of the three files")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [write_log(Path(folder), rows=chosen.rows * (seed + 1) // 2, seed=seed) for seed in range(3)]
        held = [
            report(name, run(paths, count), count)
            for name, run, count in (("turns", turns, chosen.turns), ("queries", queries, chosen.queries))
            if count
        ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    raise SystemExit(main())
