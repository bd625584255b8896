"""Holds what `tidegate-sizing` says of files against what pandas says.

For each file and setting it prints `memory_usage(deep=True)`, and the peak of reading over what the process held before
(`VmHWM`, reset before the read), the model's beside the measured ones. Each read is a process of its own.

    python3 -m venv p3 && p3/bin/pip install pandas==3.1.1 pyarrow==25.0.1 numpy==2.4.6
    python3 -m venv p2 && p2/bin/pip install pandas==2.3.3 pyarrow==25.0.1 numpy==2.4.6
    cargo build --release -p tidegate-sizing --example pandas_sizes
    python3 bench/pandas_sizes.py target/release/examples/pandas_sizes p3/bin/python p2/bin/python [--file FILE ..]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROWS = {
    "log": 1_000_000,
    "numbers": 600_000,
    "narrow": 3_000_000,
    "wide": 60_000,
    "missing": 600_000,
    "long": 30_000,
    "ndjson": 200_000,
    "access": 400_000,
}
USED = {
    "log": "path,status,bytes,duration,method",
    "ndjson": "path,status",
    "access": "request,status,bytes",
}

MEASURE = """
import gc, io, json, os, sys, threading, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
def status():
    lines = open("/proc/self/status").read().splitlines()
    fields = (line.split(":") for line in lines if line.startswith(("Vm", "Rss")))
    return {name: int(value.split()[0]) * 1024 for name, value in fields}
line, threads = sys.argv[1], int(sys.argv[2])
if threads and pd.__version__ >= "3.1":
    pd.set_option("mode.max_threads", threads)
pd.read_csv(io.StringIO("a,b\\n1,x\\n"))
gc.collect()
anonymous, ended = [0], threading.Event()
def watch():
    while not ended.is_set():
        anonymous[0] = max(anonymous[0], status()["RssAnon"])
        time.sleep(0.002)
before = status()
open("/proc/self/clear_refs", "w").write("5")
watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
frame = eval(line)
ended.set()
watcher.join()
after = status()
deep = frame.memory_usage(deep=True)
print(json.dumps({
    "rows": len(frame),
    "deep": int(deep.sum()),
    "columns": {str(name): float(size) / len(frame) for name, size in deep.items()},
    "dtypes": {str(name): str(kind) for name, kind in frame.dtypes.items()},
    "peak": after["VmHWM"] - before["VmRSS"],
    "anonymous": anonymous[0] - before["RssAnon"],
}))
"""


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the example program")
    parser.add_argument("python", nargs="+", help="interpreters that have pandas")
    parser.add_argument("--file", action="append", default=[], help="a file of your own in place of the made ones")
    parser.add_argument("--kind", action="append", default=[], help="only these kinds of made files")
    parser.add_argument("--share", type=float, default=1.0, help="that part of the rows")
    parser.add_argument("--columns", action="store_true", help="print columns that differ by more than 2 %%")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = {Path(name).name: (Path(name), None) for name in options.file}
        for kind in [] if options.file else options.kind or ROWS:
            path = Path(folder) / kind
            rows = int(ROWS[kind] * options.share)
            path.write_bytes(subprocess.check_output([options.model, "data", kind, str(rows)]))
            files[f"{kind}, {rows:,} rows"] = (path, USED.get(kind))
        print("| file | pandas | setting | deep: model | measured | off | peak: model | measured | off |")
        print("|---|---|---|---|---|---|---|---|---|")
        for name, (path, used) in files.items():
            for python in options.python:
                compare(options, python, name, path, used)


def compare(options: argparse.Namespace, python: str, name: str, path: Path, used: str | None) -> None:
    """Print the rows of one file and one interpreter."""
    facts = json.loads(subprocess.check_output([python, "-c", FACTS]))
    arguments = [facts["pandas"][0], str(facts["minor"]), "yes" if facts["pyarrow"] else "no", "2"]
    command = [options.model, "model", str(path), *arguments, *([used] if used else [])]
    model = json.loads(subprocess.check_output(command))
    version = facts["pandas"] + ("" if facts["pyarrow"] else ", no pyarrow")
    for setting in model["settings"]:
        ways = [("1 thread", 1, setting["serial"])]
        if setting["threaded"]:
            ways.append(("2 threads", 2, setting["threaded"]))
        for way, threads, peak in ways:
            measured = measure(python, setting["line"], threads)
            if isinstance(measured, str):
                print(f"| {name} | {version} | {setting['name']}, {way} | {measured} | | | | | |")
                continue
            expected = peak["memory"][1] + peak["mapped"]
            deep = setting["deep"][1]
            cells = [mb(deep), mb(measured["deep"]), off(deep, measured["deep"])]
            cells += [mb(expected), mb(measured["peak"]), off(expected, measured["peak"])]
            print(f"| {name} | {version} | {setting['name']}, {way} | {' | '.join(cells)} |", flush=True)
            if options.columns and threads == 1:
                show_columns(model, setting, measured)


FACTS = """
import importlib.util, json, sys, pandas
print(json.dumps({"pandas": pandas.__version__, "minor": sys.version_info[1],
                  "pyarrow": importlib.util.find_spec("pyarrow") is not None}))
"""


def measure(python: str, line: str, threads: int) -> dict | str:
    """Read the file in a process of its own; return what it says, or the last line of its error."""
    run = subprocess.run([python, "-c", MEASURE, line, str(threads)], capture_output=True, text=True)
    if run.returncode != 0:
        return (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1][:120]
    return json.loads(run.stdout)


def show_columns(model: dict, setting: dict, measured: dict) -> None:
    """Print the columns whose sizes differ; for settings that the model lists by column."""
    key = {"default": "default", "tuned": "tuned", 'dtype_backend="pyarrow"': "arrow"}.get(setting["name"])
    for column in model["columns"] if key else []:
        size = measured["columns"].get(column["name"], 0.0)
        dtype, expected = column[key]
        if abs(size - expected) > 0.02 * size + 0.1:
            found = measured["dtypes"].get(column["name"])
            print(f"  {column['name']}: {dtype} {expected:.2f}, measured {found} {size:.2f}", file=sys.stderr)


def mb(size: int) -> str:
    """Return a size in MB."""
    return f"{size / 1e6:.1f} MB"


def off(model: int, measured: int) -> str:
    """Return by how much the model is off, in per cent of what was measured."""
    return f"{(model - measured) * 100 / measured:+.0f} %"


if __name__ == "__main__":
    main()
