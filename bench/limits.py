"""Measures what a limit costs, and prints it as Markdown.

    bench/limits.py ladder    LOG [--runs 5]      every query at 128 MB to 2 GB: more memory must not be slower
    bench/limits.py fractions LOG [--runs 3]      a sort and a group-by at a tenth and a hundredth of their working set
    bench/limits.py metering  LOG [--runs 9]      the demo's questions with counting and probing, and without

LOG is what `tidegate demo --data DIR --as log --lines N` wrote. Whole commands are timed on a warm page cache, runs of what
is compared take turns, and each figure is a median of --runs. Memory is the kernel's own peak. `--tidegate` names the program;
for `metering`, `unmetered` has to be built beside it (`cargo build --release -p tidegate-cli --bin unmetered`).
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from measure import Run, run

LIMITS = ["128MB", "192MB", "256MB", "512MB", "1GB", "2GB"]
SMALLEST = 64 << 20
QUESTIONS = {
    "status count": "SELECT status, count(*) AS n, sum(bytes) AS bytes FROM '{}' GROUP BY status",
    "top 20 paths": "SELECT path, count(*) AS n FROM '{}' GROUP BY path ORDER BY n DESC, path LIMIT 20",
    "percentiles by minute": "SELECT date_trunc('minute', ts) AS m, approx_percentile_cont(request_time, 0.5) AS p50, "
    "approx_percentile_cont(request_time, 0.99) AS p99 FROM '{}' GROUP BY m",
    "top users": "SELECT client, count(*) AS n, sum(bytes) AS b FROM '{}' GROUP BY client ORDER BY b DESC NULLS LAST, client LIMIT 20",
    "sort": "SELECT * FROM '{}' ORDER BY request_time, _offset",
}
MORE = {
    "group by client and path": "SELECT count(*) AS n FROM (SELECT client, path, count(*) AS c FROM '{}' GROUP BY client, path)",
    "two COUNT(DISTINCT)": "SELECT status, count(DISTINCT client) AS c, count(DISTINCT path) AS p FROM '{}' GROUP BY status",
    "inner join": "SELECT a.status, count(*) AS n FROM '{0}' a JOIN '{0}' b ON a.client = b.client AND a.ts = b.ts GROUP BY a.status",
    "sum() over ()": "SELECT path, bytes, sum(bytes) OVER () AS total FROM '{}'",
    "row_number by client": "SELECT client, path, row_number() OVER (PARTITION BY client ORDER BY ts, _offset) AS n FROM '{}'",
}
LARGE = {
    "sort of all columns": "SELECT * FROM '{}' ORDER BY request_time, _offset",
    "group by every line": "SELECT count(*) AS n FROM (SELECT _raw, count(*) AS c FROM '{}' GROUP BY _raw)",
}


def in_turns(commands: list[list[str]], runs: int) -> list[list[Run]]:
    """Run the commands in turns, after one round that warms the page cache."""
    done: list[list[Run]] = [[] for _ in commands]
    for turn in range(runs + 1):
        for command, of_command in zip(commands, done):
            result = run(command)
            if turn > 0:
                of_command.append(result)
    return done


def seconds(runs: list[Run]) -> float:
    """Return the median time, or infinity where a run failed."""
    return statistics.median(one.seconds for one in runs) if all(one.code == 0 for one in runs) else float("inf")


def ladder(tidegate: str, log: str, runs: int) -> None:
    """Every query at every limit; the last column compares each limit with the best of the smaller ones."""
    print(f"| query | {' | '.join(LIMITS)} | slowest step |\n|---|{'---|' * (len(LIMITS) + 1)}")
    for name, sql in (QUESTIONS | MORE).items():
        commands = [[tidegate, "query", "-q", "--limit", limit, sql.format(log)] for limit in LIMITS]
        medians = [seconds(of_limit) for of_limit in in_turns(commands, runs)]
        steps = [later / min(medians[:at]) for at, later in enumerate(medians) if at > 0]
        print(f"| {name} | {' | '.join(f'{median:.2f}' for median in medians)} | {max(steps):.2f} |", flush=True)


def fractions(tidegate: str, log: str, runs: int) -> None:
    """The working set is the peak without a limit."""
    print("| query | no limit: s, peak | a tenth: limit, s, peak | times | a hundredth: limit, s, peak | times |\n|---|---|---|---|---|---|")
    for name, sql in LARGE.items():
        free = in_turns([[tidegate, "query", "-q", "--limit", "none", sql.format(log)]], runs)[0]
        cells = [f"{seconds(free):.1f}, {free[0].peak / 1e6:.0f} MB"]
        for part in (10, 100):
            limit = max(free[0].peak // part, SMALLEST)
            held = in_turns([[tidegate, "query", "-q", "--limit", str(limit), sql.format(log)]], runs)[0]
            peak = max(one.peak for one in held)
            cells.append(f"{limit / 1e6:.0f} MB, {seconds(held):.1f}, {peak / 1e6:.0f} MB")
            cells.append(f"{seconds(held) / seconds(free):.2f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def metering(tidegate: str, log: str, runs: int) -> None:
    """One thread, so that CPU time is not shared out by chance."""
    unmetered = str(Path(tidegate).with_name("unmetered"))
    print("| question | metered: s, CPU s | unmetered: s, CPU s | CPU, metered / unmetered |\n|---|---|---|---|")
    for name, sql in QUESTIONS.items():
        arguments = ["query", "-q", "--limit", "none", "--threads", "1", sql.format(log)]
        with_it, without = in_turns([[tidegate, *arguments], [unmetered, *arguments]], runs)
        cpu = [statistics.median(one.cpu for one in of_one) for of_one in (with_it, without)]
        times = [f"{seconds(of_one):.2f}, {used:.2f}" for of_one, used in zip((with_it, without), cpu)]
        print(f"| {name} | {times[0]} | {times[1]} | {cpu[0] / cpu[1]:.3f} |", flush=True)


def main() -> None:
    """Parse the arguments and print the table that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["ladder", "fractions", "metering"])
    parser.add_argument("log")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--tidegate", default="target/release/tidegate")
    options = parser.parse_args()
    parts = {"ladder": (ladder, 5), "fractions": (fractions, 3), "metering": (metering, 9)}
    measure, usual = parts[options.part]
    measure(options.tidegate, options.log, options.runs or usual)


if __name__ == "__main__":
    main()
