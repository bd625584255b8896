"""Asks ten questions of Tidegate and its peers, in three forms of the same data, and writes bench/RESULTS.md.

    bench/run [speed|quarter|frontier|growth|report] [--tidegate FILE] [--lines N] [--runs 5] [--tools ..] [--questions ..] [--forms ..]

speed: each tool, question and form --runs times, in rounds in which the tools take turns; fewer where the runs of a tool have taken
--enough seconds together. An answer counts if it is the one that most tools give.
quarter: Tidegate at a quarter of the memory that the fastest peer took in "speed", and that peer in turns, for the questions that
hold much of it.
frontier: the smallest limit, as a memory cgroup, at which a tool still gives that answer; limits double from 64 MiB.
growth: Tidegate at 256 MB over 1, 5, 10 and 40 million lines. report: writes the pages from what was measured before.

Every run is kept in bench/results.json: what was ended goes on where it was, and other tools, questions and forms can be added. It
begins anew with --again, and where the machine, the lines or the versions are others.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import report
from data import make, warm
from questions import FILES, FORMS, QUESTIONS, Answer, answer_of
from runs import Run, here, remove, run

TOOLS = ("tidegate", "polars", "duckdb", "chdb", "datafusion", "pandas", "dask")
HERE = Path(__file__).resolve().parent
Cell = tuple[str, str, str]
Rows = list[dict[str, Any]]
LADDER = [(64 << 20) << step for step in range(9)]
HOLDING = ("q3", "q5", "q6", "q7", "q9")
GROWTH = (1_000_000, 5_000_000, 10_000_000, 40_000_000)


def main() -> None:
    """Parse the arguments, measure, and write the page."""
    options = arguments()
    results = HERE.parent / "results.json"
    known: dict[str, Any] = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    if options.mode != "report":
        measured = {"about": about(options), "rows": []}
        before = known.get(options.mode, measured)
        if is_of_same(before["about"], measured["about"]) and not options.again:
            measured["rows"] = before["rows"]
            measured["about"]["versions"] = before["about"]["versions"] | measured["about"]["versions"]
        known[options.mode] = measured
        for _ in MODES[options.mode](options, known):
            measured["about"]["date"] = time.strftime("%Y-%m-%d")
            measured["about"]["load"] = f"{os.getloadavg()[0]:.1f}"
            results.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    report.write(known, HERE.parent)


def is_of_same(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Return whether figures can stand beside each other."""
    versions = all(before["versions"].get(name, number) == number for name, number in now["versions"].items())
    return versions and all(before[key] == now[key] for key in ("machine", "lines"))


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
    return {
        **here(),
        "lines": options.lines,
        "versions": {library: version(library) for library in libraries},
    }


def tools(options: argparse.Namespace, form: str) -> list[str]:
    """Return the tools that are asked for and can read a form."""
    return [tool for tool in options.tools if (tool, form) != ("datafusion", "log")]


def speed(options: argparse.Namespace, known: dict[str, Any]) -> Iterator[None]:
    """Run every question with all tools in turns, round by round, and keep every run and whether its answer is that of most."""
    rows: Rows = known["speed"]["rows"]
    data = make(options.tidegate, options.work, options.lines, options.forms)
    cells = {cell_of(row): row for row in rows}
    for turn in range(options.runs):
        for form, name in ((form, name) for form in options.forms for name in options.questions):
            asked = [tool for tool in tools(options, form) if is_wanted(cells.get((form, name, tool)), turn, options.enough)]
            if not asked:
                continue
            warm(data / FILES[form])
            for tool in asked:
                if (form, name, tool) not in cells:
                    cells[form, name, tool] = {"form": form, "question": name, "tool": tool, "outcome": "answered", "runs": []}
                    rows.append(cells[form, name, tool])
                row = cells[form, name, tool]
                with one_run(options, data, row) as (outcome, out):
                    if len(row["runs"]) == 1:
                        row["outcome"] = outcome
                    if outcome == "answered":
                        keep(options, (form, name, tool), answer_of(QUESTIONS[name], out))
            judge(options, [row for row in rows if (row["form"], row["question"]) == (form, name)])
            yield


@contextmanager
def one_run(options: argparse.Namespace, data: Path, row: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """Ask once what a row is of, keep the figures there, and return how it went and the file of the answer, which is then removed."""
    form, name, tool = cell_of(row)
    out = out_of(options, cell_of(row))
    one = run(tool, name, form, data, out, row.get("limit"), options.tidegate, options.most)
    print(len(row["runs"]), form, name, tool, f"{one.outcome} {one.seconds:.2f} s {one.cpu:.2f} s {one.anon / 1e6:.0f} MB", flush=True)
    row["runs"].append({key: round(value, 3) for key, value in figures(one).items()})
    yield one.outcome, out
    remove(out)


def cell_of(row: dict[str, Any]) -> Cell:
    """Return what a row is of."""
    return row["form"], row["question"], row["tool"]


def figures(one: Run) -> dict[str, float]:
    """Return the numbers of a run."""
    return {"seconds": one.seconds, "cpu": one.cpu, "anon": one.anon, "written": one.written}


def is_wanted(row: dict[str, Any] | None, turn: int, enough: float) -> bool:
    """Return whether a tool is asked in a round: not if it was, or failed, or has taken long enough."""
    if row is None:
        return True
    runs = row["runs"]
    return len(runs) <= turn and row["outcome"] in ("answered", "another answer") and sum(one["seconds"] for one in runs) < enough


def keep(options: argparse.Namespace, cell: Cell, answer: Answer) -> None:
    """Keep an answer, for tools that are asked at another time."""
    with (options.work / f"{'-'.join(cell)}.answer").open("wb") as file:
        pickle.dump(answer, file)


def judge(options: argparse.Namespace, rows: Rows) -> None:
    """Say which answers to a question are those that most tools give."""
    answers: dict[str, Answer] = {}
    for row in rows:
        path = options.work / f"{'-'.join(cell_of(row))}.answer"
        if row["outcome"] in ("answered", "another answer") and path.exists():
            with path.open("rb") as file:
                answers[row["tool"]] = pickle.load(file)
    right = common(list(answers.values())) if answers else None
    for row in rows:
        if right and row["tool"] in answers:
            row["outcome"] = "answered" if answers[row["tool"]].same(right) else "another answer"


def common(answers: list[Answer]) -> Answer:
    """Return the answer that is given most often."""
    return max(answers, key=lambda answer: sum(answer.same(other) for other in answers))


def quarter(options: argparse.Namespace, known: dict[str, Any]) -> Iterator[None]:
    """Ask Tidegate with a quarter of the memory of the fastest peer, or with the smallest limit that it takes, and the peer in turns."""
    data = make(options.tidegate, options.work, options.lines, options.forms)
    rows: Rows = known["quarter"]["rows"]
    cells = {cell_of(row): row for row in rows}
    for turn in range(options.runs):
        for form, name in ((form, name) for form in options.forms for name in options.questions if name in HOLDING):
            peer = report.fastest_peer(known["speed"]["rows"], form, name)
            if peer is None:
                continue
            limits = {"tidegate": max(LADDER[0], int(peer["anon"]) // 4), peer["tool"]: None}
            for tool, limit in limits.items():
                cell = (form, name, tool)
                if not is_wanted(cells.get(cell), turn, options.enough):
                    continue
                if cell not in cells:
                    cells[cell] = {"form": form, "question": name, "tool": tool, "limit": limit, "outcome": "answered", "runs": []}
                    rows.append(cells[cell])
                warm(data / FILES[form])
                with one_run(options, data, cells[cell]) as (outcome, out):
                    cells[cell]["outcome"] = outcome
                    if outcome == "answered":
                        cells[cell]["hash"] = answer_of(QUESTIONS[name], out)
                        judge_limit(options, cells[cell])
                yield


def frontier(options: argparse.Namespace, known: dict[str, Any]) -> Iterator[None]:
    """Find the smallest limit of each tool for each question."""
    data = make(options.tidegate, options.work, options.lines, options.forms)
    rows: Rows = known["frontier"]["rows"]
    done = {cell_of(row) for row in rows}
    for form, name in ((form, name) for form in options.forms for name in options.questions):
        for tool in tools(options, form):
            if (form, name, tool) in done:
                continue
            warm(data / FILES[form])
            rows.append(least(options, data, (form, name, tool)))
            judge_limit(options, rows[-1])
            yield


def least(options: argparse.Namespace, data: Path, cell: Cell) -> dict[str, Any]:
    """Return the smallest limit at which a tool answers, and how that run went."""
    form, name, tool = cell
    found: dict[str, Any] = {"form": form, "question": name, "tool": tool, "outcome": "no answer"}
    out = out_of(options, cell)
    for limit in LADDER:
        done = run(tool, name, form, data, out, limit, options.tidegate, options.most)
        print(form, name, tool, f"{limit >> 20} MiB", done.outcome, f"{done.seconds:.2f} s", flush=True)
        found |= {"limit": limit, "outcome": done.outcome, **figures(done)}
        if done.outcome == "answered":
            found["hash"] = answer_of(QUESTIONS[name], out)
            remove(out)
            break
        remove(out)
    return found


def judge_limit(options: argparse.Namespace, row: dict[str, Any]) -> None:
    """Hold an answer under a limit to the one that tools gave without it."""
    answer = row.pop("hash", None)
    if answer is None:
        return
    paths = sorted(options.work.glob(f"{row['form']}-{row['question']}-*.answer"))
    known = [pickle.loads(path.read_bytes()) for path in paths]
    if known and not answer.same(common(known)):
        row["outcome"] = "another answer"


def growth(options: argparse.Namespace, known: dict[str, Any]) -> Iterator[None]:
    """Ask Tidegate more and more at 256 MB."""
    rows: Rows = known["growth"]["rows"]
    asked = {(row["form"], row["question"], row["lines"]) for row in rows}
    for lines, form, name in ((lines, form, name) for lines in GROWTH for form in options.forms for name in options.questions):
        if (form, name, lines) in asked:
            continue
        data = make(options.tidegate, options.work, lines, options.forms)
        warm(data / FILES[form])
        out = out_of(options, (form, name, "tidegate"))
        given = (data, out, 256_000_000, options.tidegate, options.most * 10)
        done = [run("tidegate", name, form, *given) for _ in range(min(3, options.runs))]
        middle = statistics.median_low(one.seconds for one in done)
        best = next(one for one in done if one.seconds == middle)
        print(lines, form, name, best.outcome, f"{best.seconds:.2f} s {best.anon / 1e6:.0f} MB", flush=True)
        remove(out)
        rows.append({"form": form, "question": name, "lines": lines, "outcome": best.outcome, **figures(best)})
        yield


def out_of(options: argparse.Namespace, cell: Cell) -> Path:
    """Return the file for an answer."""
    suffix = "parquet" if QUESTIONS[cell[1]].parquet else "csv"
    return options.work / f"{'-'.join(cell)}.{suffix}"


MODES = {"speed": speed, "quarter": quarter, "frontier": frontier, "growth": growth}

if __name__ == "__main__":
    main()
