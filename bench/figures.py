"""Measures what docs/measured.md claims, and prints it as Markdown.

    bench/figures.py [--tidegate target/release/tidegate] [--data ~/.cache/tidegate/bench] [--lines 5000000] [--runs 5]

Makes the data once (`tidegate demo --data`), warms the page cache, and times whole commands, best of --runs. Memory is the
kernel's own peak (VmHWM by wait4). DataFusion's own readers are measured beside ours where `pip install datafusion` was
done for the Python that runs this; otherwise that part is left out, and says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from measure import Run, run

FORMS = {"log": "access.log", "csv": "access.csv", "ndjson": "access.ndjson"}
STATUS = "SELECT status, count(*) AS n, sum(bytes) AS bytes FROM '{}' GROUP BY status"
QUESTIONS = {
    "status count": STATUS,
    "top 20 paths": "SELECT path, count(*) AS n FROM '{}' GROUP BY path ORDER BY n DESC, path LIMIT 20",
    "percentiles by minute": "SELECT date_trunc('minute', ts) AS m, approx_percentile_cont(request_time, 0.5) AS p50, "
    "approx_percentile_cont(request_time, 0.95) AS p95, approx_percentile_cont(request_time, 0.99) AS p99 "
    "FROM '{}' GROUP BY m",
    "top users": "SELECT client, count(*) AS n, sum(bytes) AS b FROM '{}' GROUP BY client ORDER BY b DESC NULLS LAST, client LIMIT 20",
    "sort into Parquet": "SELECT * FROM '{}' ORDER BY request_time",
}
PEER = """
import sys
from datafusion import SessionConfig, SessionContext
form, path = sys.argv[1:]
context = SessionContext(SessionConfig().with_target_partitions(2))
if form == "csv":
    context.register_csv("t", path, file_extension=".csv")
else:
    context.register_json("t", path, file_extension=".ndjson")
for batch in context.sql("SELECT status, count(*) AS n, sum(bytes) AS bytes FROM t GROUP BY status").execute_stream():
    pass
"""


def best(command: list[str], runs: int) -> Run:
    """Return the fastest of several runs, with the largest peak of them all."""
    done = [run(command) for _ in range(runs)]
    fastest = min(done, key=lambda one: one.seconds)
    return Run(fastest.seconds, fastest.cpu, max(one.peak for one in done), max(one.code for one in done))


def make_data(tidegate: str, folder: Path, lines: int) -> dict[str, Path]:
    """Write the three forms of the data where they are missing."""
    paths = {form: folder / name for form, name in FORMS.items()}
    for form, path in paths.items():
        if not path.exists():
            subprocess.run([tidegate, "demo", "--data", str(folder), "--lines", str(lines), "--as", form], check=True)
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass
    return paths


def clean(tidegate: str, path: Path) -> Path:
    """Return a copy of a file without its broken lines, which end a query of DataFusion's readers."""
    copy = path.with_name(f"clean-{path.name}")
    if not copy.exists():
        subprocess.run([tidegate, "query", "-q", "-o", str(copy), f"SELECT * FROM '{path}'"], check=True)
    return copy


def limits(tidegate: str, log: Path, runs: int) -> None:
    """Print time and peak of the five questions under three limits."""
    print("\n### The five questions under a limit\n")
    print("| question | limit | exit | seconds | CPU s | MB/s | VmHWM | of the limit |\n|---|---|---|---|---|---|---|---|")
    size = log.stat().st_size
    for name, sql in QUESTIONS.items():
        for limit, allowed in (("256MB", 256_000_000), ("128MB", 128_000_000), ("64MiB", 64 << 20)):
            output = [] if name != "sort into Parquet" else ["-o", str(log.with_suffix(".parquet"))]
            one = best([tidegate, "query", "--limit", limit, *output, sql.format(log)], 1 if output else runs)
            share = f"{100 * one.peak / allowed:.0f} %"
            rate = size / 1e6 / one.seconds
            print(
                f"| {name} | {limit} | {one.code} | {one.seconds:.2f} | {one.cpu:.2f} | {rate:.0f} | {one.peak / 1e6:.1f} MB | {share} |",
                flush=True,
            )


def scans(tidegate: str, paths: dict[str, Path], runs: int) -> None:
    """Print the speed of the three readers, DataFusion's own beside them where it can be had."""
    print("\n### Status count by format, no limit\n")
    print("| format | Tidegate s | MB/s | MB per CPU s | DataFusion s | DataFusion CPU / ours |\n|---|---|---|---|---|---|")
    peer = importlib.util.find_spec("datafusion") is not None
    for form, path in paths.items():
        if form != "log":
            path = clean(tidegate, path)
        size = path.stat().st_size / 1e6
        ours = best([tidegate, "query", "--limit", "none", STATUS.format(path)], runs)
        row = f"| {form} | {ours.seconds:.2f} | {size / ours.seconds:.0f} | {size / ours.cpu:.0f} |"
        if not peer or form == "log":
            print(f"{row} {'cannot read it' if peer else 'not installed'} | |", flush=True)
            continue
        theirs = best([sys.executable, "-c", PEER, form, str(path)], runs)
        if theirs.code != 0:
            print(f"{row} failed | |", flush=True)
            continue
        print(f"{row} {theirs.seconds:.2f} | {theirs.cpu / ours.cpu:.2f} |", flush=True)


def startup(tidegate: str, folder: Path, runs: int) -> None:
    """Print the time and memory of a query on one line."""
    path = folder / "one.log"
    path.write_text('1.2.3.4 - - [01/Mar/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-" 0.1\n', encoding="utf-8")
    done = sorted((run([tidegate, "query", STATUS.format(path)]) for _ in range(runs * 4)), key=lambda one: one.seconds)
    middle = done[len(done) // 2]
    print("\n### Start\n")
    print(f"A status count over one line: {1000 * middle.seconds:.1f} ms (median of {len(done)}), VmHWM {middle.peak / 1e6:.1f} MB.")


def resident(pid: int) -> tuple[int, int]:
    """Return anonymous and file bytes of a process that runs."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile"))


def pages(tidegate: str, log: Path) -> None:
    """Print the largest anonymous and program memory seen, with program pages dropped (a limit) and without (none)."""
    print("\n### Program pages, status count over the log\n")
    print("| limit | largest RssAnon seen | largest RssFile seen | VmHWM |\n|---|---|---|---|")
    for limit in ("none", "256MB", "64MiB"):
        child = subprocess.Popen(
            [tidegate, "query", "--limit", limit, STATUS.format(log)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        most = [0, 0]
        while child.poll() is None:
            try:
                most = [max(pair) for pair in zip(most, resident(child.pid))]
                peak = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]
            except (OSError, KeyError, IndexError, ValueError):
                break
            time.sleep(0.001)
        child.wait()
        print(f"| {limit} | {most[0] / 1e6:.1f} MB | {most[1] / 1e6:.1f} MB | {int(peak) * 1024 / 1e6:.1f} MB |", flush=True)


def main() -> None:
    """Parse the command line and print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidegate", default="target/release/tidegate")
    parser.add_argument("--data", type=Path, default=Path.home() / ".cache/tidegate/bench")
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    paths = make_data(arguments.tidegate, arguments.data, arguments.lines)
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}.")
    print(f"{arguments.lines:,} lines, best of {arguments.runs}, page cache warm.")
    startup(arguments.tidegate, arguments.data, arguments.runs)
    pages(arguments.tidegate, paths["log"])
    scans(arguments.tidegate, paths, arguments.runs)
    limits(arguments.tidegate, paths["log"], arguments.runs)


if __name__ == "__main__":
    main()
