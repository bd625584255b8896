"""Asks ten questions of Tidegate and its peers, in three forms of the same data, and writes bench/RESULTS.md.

    bench/run [speed|frontier|growth|report] [--tidegate FILE] [--lines N] [--runs 5] [--tools ..] [--questions ..] [--forms ..]

speed: each tool, question and form --runs times, interleaved, fewer where the runs of a tool have taken --enough seconds
together; an answer counts if it is the one that most tools give.
frontier: the smallest limit, as a memory cgroup, at which a tool still gives that answer; limits double from 64 MiB.
growth: Tidegate at 256 MB over 1, 5, 10 and 40 million lines. report: writes the pages from what was measured before.

What is measured is kept question by question in bench/results.json: a run that was ended goes on where it was, unless --again
is given, or the machine, lines, runs or versions are others.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import report
from data import make, warm
from questions import FILES, FORMS, QUESTIONS, Answer, answer_of
from runs import Run, remove, run

TOOLS = ("tidegate", "polars", "duckdb", "chdb", "datafusion", "pandas", "dask")
HERE = Path(__file__).resolve().parent
Cell = tuple[str, str, str]
Group = tuple[str, str, int]
Rows = list[dict[str, Any]]
LADDER = [(64 << 20) << step for step in range(9)]
GROWTH = (1_000_000, 5_000_000, 10_000_000, 40_000_000)


def main() -> None:
    """Parse the arguments, measure, and write the page."""
    options = arguments()
    results = HERE.parent / "results.json"
    known: dict[str, Any] = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    if options.mode != "report":
        measured = {"about": about(options), "rows": []}
        before = known.get(options.mode, measured)
        same = all(before["about"][key] == measured["about"][key] for key in ("machine", "lines", "runs", "versions"))
        if same and not options.again:
            measured["rows"] = before["rows"]
        known[options.mode] = measured
        for rows in MODES[options.mode](options, {group_of(row) for row in measured["rows"]}):
            measured["rows"] += rows
            measured["about"] = about(options)
            results.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    report.write(known, HERE.parent)


def group_of(row: dict[str, Any]) -> Group:
    """Return what is measured at a time."""
    return row["form"], row["question"], row.get("lines", 0)


def arguments() -> argparse.Namespace:
    """Return the command line's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=[*MODES, "report"], nargs="?", default="speed")
    parser.add_argument("--tidegate", default="target/release/tidegate")
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache/tidegate/peers")
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--again", action="store_true", help="measure also what was measured before")
    parser.add_argument("--most", type=float, default=120, help="seconds for one answer")
    parser.add_argument("--enough", type=float, default=30, help="seconds after which a tool is not asked the same again")
    for name, values in (("tools", TOOLS), ("questions", tuple(QUESTIONS)), ("forms", FORMS)):
        parser.add_argument(f"--{name}", nargs="+", choices=values, default=values)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    return options


def about(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the figures are of."""
    libraries = [tool for tool in TOOLS if tool != "tidegate" and tool in options.tools]
    with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{model}, {os.cpu_count()} cores, {memory / 1e9:.0f} GB, {platform.system()} {platform.release()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "lines": options.lines,
        "runs": options.runs,
        "versions": {library: version(library) for library in libraries},
    }


def tools(options: argparse.Namespace, form: str) -> list[str]:
    """Return the tools that are asked for and can read a form."""
    return [tool for tool in options.tools if (tool, form) != ("datafusion", "log")]


def pending(options: argparse.Namespace, known: set[Group], data: Path) -> Iterator[tuple[str, str]]:
    """Yield each form and question that is not known, with the file in the page cache."""
    for form in options.forms:
        for name in options.questions:
            if (form, name, 0) not in known:
                warm(data / FILES[form])
                yield form, name


def speed(options: argparse.Namespace, known: set[Group]) -> Iterator[Rows]:
    """Run every question with all tools in turns, and yield the medians of those that gave the answer of most."""
    data = make(options.tidegate, options.work, options.lines)
    for form, name in pending(options, known, data):
        runs: dict[str, list[Run]] = {tool: [] for tool in tools(options, form)}
        answers: dict[str, Answer] = {}
        for turn in range(options.runs):
            for tool, done in runs.items():
                if turn > 0 and (done[0].outcome != "answered" or sum(one.seconds for one in done) >= options.enough):
                    continue
                out = out_of(options, (form, name, tool))
                one = run(tool, name, form, data, out, None, options.tidegate, options.most)
                if turn == 0 and one.outcome == "answered":
                    answers[tool] = answer_of(QUESTIONS[name], out)
                done.append(one)
                print(turn, form, name, tool, f"{one.outcome} {one.seconds:.2f} s {one.cpu:.2f} s {one.anon / 1e6:.0f} MB", flush=True)
                remove(out)
        right = common(list(answers.values())) if answers else None
        yield [row((form, name, tool), done, answers.get(tool), right) for tool, done in runs.items()]


def row(cell: Cell, runs: list[Run], answer: Answer | None, right: Answer | None) -> dict[str, Any]:
    """Return the medians of one cell, and whether its answer is that of most."""
    form, name, tool = cell
    outcome = runs[0].outcome
    if answer and right and not answer.same(right):
        outcome = "another answer"
    middle = {key: statistics.median(asdict(one)[key] for one in runs) for key in ("seconds", "cpu", "anon", "written")}
    return {"form": form, "question": name, "tool": tool, "outcome": outcome, "runs": len(runs), **middle}


def common(answers: list[Answer]) -> Answer:
    """Return the answer that is given most often."""
    return max(answers, key=lambda answer: sum(answer.same(other) for other in answers))


def frontier(options: argparse.Namespace, known: set[Group]) -> Iterator[Rows]:
    """Find the smallest limit of each tool for each question."""
    data = make(options.tidegate, options.work, options.lines)
    for form, name in pending(options, known, data):
        found: dict[str, tuple[int, Run, Answer]] = {}
        for tool in tools(options, form):
            for limit in LADDER:
                out = out_of(options, (form, name, tool))
                done = run(tool, name, form, data, out, limit, options.tidegate, options.most)
                print(form, name, tool, f"{limit >> 20} MiB", done.outcome, f"{done.seconds:.2f} s", flush=True)
                if done.outcome == "answered":
                    found[tool] = (limit, done, answer_of(QUESTIONS[name], out))
                    remove(out)
                    break
        right = common([answer for _, _, answer in found.values()]) if found else None
        rows = []
        for tool, (limit, done, answer) in found.items():
            outcome = "answered" if right and answer.same(right) else "another answer"
            rows.append({**asdict(done), "form": form, "question": name, "tool": tool, "limit": limit, "outcome": outcome})
        yield rows


def growth(options: argparse.Namespace, known: set[Group]) -> Iterator[Rows]:
    """Ask Tidegate more and more at 256 MB."""
    for lines, form, name in ((lines, form, name) for lines in GROWTH for form in options.forms for name in options.questions):
        if (form, name, lines) in known:
            continue
        data = make(options.tidegate, options.work, lines)
        warm(data / FILES[form])
        out = out_of(options, (form, name, "tidegate"))
        given = (data, out, 256_000_000, options.tidegate, options.most * 10)
        done = [run("tidegate", name, form, *given) for _ in range(min(3, options.runs))]
        middle = statistics.median_low(one.seconds for one in done)
        best = next(one for one in done if one.seconds == middle)
        print(lines, form, name, best.outcome, f"{best.seconds:.2f} s {best.anon / 1e6:.0f} MB", flush=True)
        remove(out)
        yield [{"form": form, "question": name, "lines": lines, **asdict(best)}]


def out_of(options: argparse.Namespace, cell: Cell) -> Path:
    """Return the file for an answer."""
    suffix = "parquet" if QUESTIONS[cell[1]].parquet else "csv"
    return options.work / f"{'-'.join(cell)}.{suffix}"


MODES = {"speed": speed, "frontier": frontier, "growth": growth}

if __name__ == "__main__":
    main()
