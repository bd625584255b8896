"""Compares forecasts with what runs took, and prints it as Markdown for docs/forecast.md.

    bench/forecasts.py FOLDER [--forms csv ndjson log] [--limits none 1GB 256MB 100MB] [--questions q1 ..] [--runs 4]

FOLDER is what `bench/run` made of its data (`~/.cache/tidegate/peers/10000000`). Each question is forecast with an empty history
("first sight"), run --runs times with a history of its own, and forecast once more before the last run ("from history"). The
peak is the kernel's (VmHWM by wait4). The mode is right if the run did what was foreseen, and the choice of it good if a run
that was expected to fit into memory takes no longer than without a limit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Run, run

sys.path.insert(0, str(Path(__file__).with_name("peers")))

from questions import FILES, QUESTIONS  # noqa: E402
from speakers import tidegate_words  # noqa: E402


@dataclass(frozen=True)
class Case:
    """A question of one form within one limit: its forecasts before the first and before the last run, and its runs."""

    name: str
    limit: str
    first: dict[str, Any]
    taught: dict[str, Any]
    runs: list[Run]
    spilled: bool


def forecast(command: list[str]) -> dict[str, Any]:
    """Return what a forecast says."""
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def case(tidegate: str, name: str, form: str, limit: str, data: Path, runs: int) -> tuple[Case, Run]:
    """Forecast and run one question."""
    question = QUESTIONS[name]
    sql = tidegate_words(question, form, data)
    with tempfile.TemporaryDirectory(dir=data.parent) as folder:
        history, record = Path(folder) / "history.db", Path(folder) / "record.json"
        out = Path(folder) / ("rows.parquet" if question.parquet else "rows.csv")
        query = [tidegate, "query", "-q", "--limit", limit, "--history", str(history), "--record", str(record), "-o", str(out), sql]
        ask = [tidegate, "forecast", "--limit", limit, "--history", str(history), "--format", "json", sql]
        first, cost = forecast(ask), run(ask)
        done = [run(query) for _ in range(runs - 1)]
        taught = forecast(ask)
        done.append(run(query))
        spilled = record.exists() and json.loads(record.read_text(encoding="utf-8"))["spilled"]["bytes"] > 0
    return Case(f"{form} {name}", limit, first, taught, done, spilled), cost


def off(expected: float, real: float) -> float:
    """Return by how much of the truth a forecast was wrong."""
    return abs(expected / real - 1.0)


def line(case: Case, alone: float | None) -> str:
    """Return a row of the table."""
    megabytes = lambda number: f"{number / 1e6:.0f}"  # noqa: E731
    first, last = case.runs[0], case.runs[-1]
    answered = all(done.code == 0 for done in case.runs)
    seconds = statistics.median(done.seconds for done in case.runs)
    beside = f"{seconds / alone:.2f}" if alone and answered else ""
    did = "spilled" if case.spilled else "did not spill"
    cells = [
        case.name, case.limit, megabytes(case.first["peak"]["expected"]), megabytes(case.first["peak"]["most"]), megabytes(first.peak),
        f"{case.first['peak']['expected'] / first.peak:.2f}", megabytes(case.taught["peak"]["expected"]), megabytes(last.peak),
        f"{case.taught['peak']['expected'] / last.peak:.2f}", f"{case.first['mode']}, {did if answered else 'ended'}", f"{seconds:.2f}", beside,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def summary(cases: list[Case], costs: list[Run]) -> str:
    """Return what is asked of all cases together."""
    done = [case for case in cases if all(one.code == 0 for one in case.runs)]
    held = sum(case.runs[0].peak <= case.first["peak"]["most"] for case in done)
    taught = sum(case.runs[-1].peak <= case.taught["peak"]["most"] for case in done)
    sight = statistics.median(off(case.first["peak"]["expected"], case.runs[0].peak) for case in done)
    history = statistics.median(off(case.taught["peak"]["expected"], case.runs[-1].peak) for case in done)
    slowest, largest = max(cost.seconds for cost in costs), max(cost.peak for cost in costs)
    return (
        f"{len(done)} cases answered of {len(cases)}. The bound held in {held} at first sight and in {taught} from history; the expected "
        f"peak was wrong by {sight:.0%} in the median at first sight, by {history:.0%} from history. A forecast took "
        f"{statistics.median(cost.seconds for cost in costs):.2f} s ({slowest:.2f} at most) and showed the kernel {largest / 1e6:.0f} MB at most."
    )


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tidegate", default="target/release/tidegate")
    parser.add_argument("--forms", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--limits", nargs="+", default=["none", "1GB", "256MB", "100MB"])
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--runs", type=int, default=4)
    options = parser.parse_args()
    print("| question | limit | first sight | bound | real | by | from history | real | by | mode, and what it did | s | by none |")
    print(f"|{'---|' * 12}")
    cases, costs = [], []
    for form in options.forms:
        for name in options.questions:
            alone = None
            for limit in options.limits:
                one, cost = case(options.tidegate, name, form, limit, options.folder, options.runs)
                cases.append(one)
                costs.append(cost)
                alone = statistics.median(done.seconds for done in one.runs) if limit == "none" else alone
                print(line(one, alone), flush=True)
    print(f"\n{summary(cases, costs)}")


if __name__ == "__main__":
    main()
