"""Measures the Python package, and writes docs/python-speed.md.

    bench/run python [--parts start transfer frames matrix soak compare] [--lines N] [--runs N] [--gigabytes X] ..

start: an import, a first query, the next queries; each in processes of their own, in turns.
transfer: rows of an Arrow file into this process, as batches and as a table. frames: a result as a pandas frame, and what that took
at its peak. matrix: a log pivoted to features of each client, written by ``to_numpy(out=..)`` under 512 MB. soak: queries and turns
in one interpreter. compare: five questions in pandas, Polars, DuckDB and this package, in turns, answers compared.

What was measured is kept in bench/python/results.json, part by part. The page is made of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "peers"))

import page  # noqa: E402
from data import make, warm  # noqa: E402
from questions import FILES, QUESTIONS, Answer, answer_of  # noqa: E402
from runs import here, remove, run  # noqa: E402

TOOLS = ("package", "pandas", "polars", "duckdb")
NAMES = ("q1", "q2", "q3", "q4", "q5")
Figures = dict[str, Any]


def main() -> None:
    """Measure what is asked for, and write the page."""
    options = arguments()
    known: Figures = json.loads(options.results.read_text(encoding="utf-8")) if options.results.exists() else {}
    for part in options.parts:
        known[part] = {**PARTS[part](options), "about": about(options)}
        options.results.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    options.page.write_text(page.text(known), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Return the command line's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="*", choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument("--tidegate", default=str(ROOT / "target/release/tidegate"))
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache/tidegate/peers")
    parser.add_argument("--lines", type=int, default=10_000_000, help="lines of the log")
    parser.add_argument("--runs", type=int, default=5, help="runs of each tool and question")
    parser.add_argument("--starts", type=int, default=31, help="processes that begin with nothing")
    parser.add_argument("--forms", nargs="+", choices=("csv", "log"), default=("csv", "log"))
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the result that is handed over")
    parser.add_argument("--turns", type=int, default=1000, help="queries and turns of the soak")
    parser.add_argument("--most", type=float, default=300, help="seconds for one answer")
    parser.add_argument("--enough", type=float, default=60, help="seconds after which a tool is not asked the same again")
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/python-speed.md")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    return options


def about(options: argparse.Namespace) -> Figures:
    """Return what the figures are of."""
    return {
        **here(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("pandas", "polars", "duckdb", "pyarrow", "numpy")},
        "lines": options.lines,
    }


def probe(name: str, *words: object) -> Figures:
    """Return what a probe says of itself, in a process of its own."""
    asked = [sys.executable, str(HERE / "probes.py"), name, *map(str, words)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env={**os.environ, "TIDEGATE_HISTORY": "none"})
    if done.returncode != 0:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    print(name, *words, done.stdout.strip(), flush=True)
    found: Figures = json.loads(done.stdout)
    return found


def start(options: argparse.Namespace) -> Figures:
    """Measure an import, a first query, and the next."""
    kinds = ("import", "names", "cold")
    taken: dict[str, list[Figures]] = {kind: [] for kind in kinds}
    for _ in range(options.starts):
        for kind in kinds:
            taken[kind].append(probe(kind))
    middle = {
        kind: {key: statistics.median(one[key] for one in found) for key in found[0]} for kind, found in taken.items()
    }
    return {"processes": options.starts, **middle, "warm": probe("warm", 300)}


def transfer(options: argparse.Namespace) -> Figures:
    """Measure how fast rows come into this process."""
    path = rows_file(options)
    taken = [probe(kind, path) for _ in range(options.runs) for kind in ("batches", "arrow", "reread")]
    best: Figures = {}
    for found in taken:
        kind = found["kind"]
        best.setdefault(kind, []).append(found["bytes"] / found["seconds"])
    return {"bytes": taken[0]["bytes"], **{kind: statistics.median(rates) for kind, rates in best.items()}}


def frames(options: argparse.Namespace) -> Figures:
    """Measure what a pandas frame takes while it is made."""
    return {kind: probe("pandas", rows_file(options), kind) for kind in ("numbers", "texts")}


def rows_file(options: argparse.Namespace) -> Path:
    """Return an Arrow file of so many bytes: numbers, a time and two texts."""
    path: Path = options.work / f"rows-{options.gigabytes:g}.arrow"
    if not path.exists():
        probe("write", path, int(options.gigabytes * 1e9))
    warm(path)
    return path


def matrix(options: argparse.Namespace) -> Figures:
    """Pivot a log to a thousand features of each client whose country is known."""
    data = make(options.tidegate, options.work, options.lines, ["log"])
    warm(data / FILES["log"])
    return probe("matrix", data / FILES["log"], data / "countries.csv", options.work / "matrix.npy")


def soak(options: argparse.Namespace) -> Figures:
    """Run queries and turns in one interpreter."""
    script = ROOT / "crates/python/tests/soak_memory.py"
    asked = [sys.executable, str(script), "--turns", str(options.turns), "--queries", str(options.turns)]
    done = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, flush=True)
    said = re.findall(r"^(\w+): ([\d,]+) in (\d+) s, drift ([+-][\d.]+%), highest ([\d.]+) MB$", done.stdout, re.MULTILINE)
    keys = ("name", "count", "seconds", "drift", "highest")
    return {"held": done.returncode == 0, "rows": [dict(zip(keys, row)) for row in said]}


def compare(options: argparse.Namespace) -> Figures:
    """Ask each tool the same five questions, in turns."""
    data = make(options.tidegate, options.work, options.lines, options.forms)
    rows: dict[tuple[str, str, str], Figures] = {}
    answers: dict[tuple[str, str, str], Answer] = {}
    for _ in range(options.runs):
        for form, name in ((form, name) for form in options.forms for name in NAMES):
            warm(data / FILES[form])
            for tool in TOOLS:
                cell = (form, name, tool)
                row = rows.setdefault(cell, {"form": form, "question": name, "tool": tool, "outcome": "answered", "runs": []})
                if row["outcome"] != "answered" or sum(one["seconds"] for one in row["runs"]) > options.enough:
                    continue
                out = options.work / f"{'-'.join(cell)}.csv"
                one = run(tool, name, form, data, out, None, options.tidegate, options.most)
                print(*cell, f"{one.outcome} {one.seconds:.2f} s {one.anon / 1e6:.0f} MB", flush=True)
                row["outcome"] = one.outcome
                row["runs"].append({"seconds": round(one.seconds, 3), "cpu": round(one.cpu, 3), "anon": one.anon})
                if one.outcome == "answered":
                    answers[cell] = answer_of(QUESTIONS[name], out)
                    judge(row, answers)
                remove(out)
    return {"rows": list(rows.values())}


def judge(row: Figures, answers: dict[tuple[str, str, str], Answer]) -> None:
    """Hold an answer to that of the package."""
    form, name, tool = row["form"], row["question"], row["tool"]
    ours = answers.get((form, name, "package"))
    if ours is None or not ours.same(answers[form, name, tool]):
        row["outcome"] = "another answer"


PARTS = {"start": start, "transfer": transfer, "frames": frames, "matrix": matrix, "soak": soak, "compare": compare}

if __name__ == "__main__":
    main()
