"""Compares two builds of tidegate on the aggregates of docs/measured.md, and prints a table.

    bench/compare.py BEFORE AFTER LOG [--runs 5] [--limit 256MB]

Runs are interleaved: before, after, before, after. Each figure is a median of --runs. CPU time tells more than elapsed time
on a machine that others use as well. LOG is what `tidegate demo --data DIR --as log` wrote.
"""

from __future__ import annotations

import argparse
import statistics

from measure import run

QUERIES = {
    "sum": "SELECT sum(request_time) FROM '{}'",
    "sum, avg by path": "SELECT path, sum(request_time), avg(request_time) FROM '{}' GROUP BY path",
    "sum, avg by client": "SELECT client, sum(request_time), avg(request_time) FROM '{}' GROUP BY client",
    "stddev, corr by path": "SELECT path, stddev(request_time), corr(request_time, bytes) FROM '{}' GROUP BY path",
    "p99": "SELECT approx_percentile_cont(request_time, 0.99) FROM '{}'",
    "p50, p95, p99 by minute": "SELECT date_trunc('minute', ts) AS m, approx_percentile_cont(request_time, 0.5) AS p50, "
    "approx_percentile_cont(request_time, 0.95) AS p95, approx_percentile_cont(request_time, 0.99) AS p99 FROM '{}' GROUP BY m",
    "approx_median by client": "SELECT client, approx_median(request_time) FROM '{}' GROUP BY client",
}


def figures_of(command: list[str]) -> tuple[float, float, float]:
    """Run a command that must not fail and return its elapsed and CPU seconds and its peak in MB."""
    done = run(command)
    if done.code != 0:
        raise SystemExit(f"failed: {command}")
    return done.seconds, done.cpu, done.peak / 1e6


def main() -> None:
    """Parse the arguments, run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("log")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", default="256MB")
    options = parser.parse_args()
    print("| query | before: s, CPU s, MB | after: s, CPU s, MB | CPU after / before |\n|---|---|---|---|")
    for name, query in QUERIES.items():
        figures: list[list[tuple[float, float, float]]] = [[], []]
        for _ in range(options.runs):
            for build, kept in zip([options.before, options.after], figures, strict=True):
                arguments = ["query", "--limit", options.limit, "--format", "csv", query.format(options.log)]
                kept.append(figures_of([build, *arguments]))
        before, after = ([statistics.median(column) for column in zip(*runs, strict=True)] for runs in figures)
        cells = (f"{seconds:.2f}, {cpu:.2f}, {peak:.0f}" for seconds, cpu, peak in (before, after))
        print(f"| {name} | {' | '.join(cells)} | {after[1] / before[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
