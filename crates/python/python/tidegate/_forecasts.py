"""Forecasts: what a query will need, and what pandas would."""

from __future__ import annotations

import json
import subprocess
from typing import Any, NamedTuple, Optional

from . import _engine
from ._errors import InputError, MemoryLimitError, QueryError, RejectsError, RunError, TidegateError, UsageError

_ERRORS: dict[int, type[TidegateError]] = {2: UsageError, 3: MemoryLimitError, 4: RejectsError}


class Range(NamedTuple):
    """What is expected, and between what it will be."""

    least: float
    expected: float
    most: float


class Forecast:
    """What a query will need.

    Attributes
    ----------
    peak : Range
        The most resident memory, in bytes, under the limit.
    bound : int
        The upper end of it, in bytes.
    unlimited : Range
        What it would be without a limit, in bytes.
    mode, reason : str
        How the query will run, and why: ``streaming``, ``in memory``, ``spilling``, ``refused``.
    spill : Range
        What it will write to disk, in bytes.
    seconds : Range
        How long it will take.
    rows_in, rows_out : Range
        Rows read, and of the result.
    runs : int
        Runs like it from which this was learned.
    details : dict
        All of it, as ``tidegate forecast --format json`` says it.
    """

    def __init__(self, details: dict[str, Any]) -> None:
        self.details = details
        self.peak = _range(details["peak"])
        self.bound = int(self.peak.most)
        self.unlimited = _range(details["unlimited"])
        self.mode: str = details["mode"]
        self.reason: str = details["reason"]
        self.spill = _range(details["spill"])
        self.seconds = _range(details["seconds"])
        self.rows_in = _range(details["rows_in"])
        self.rows_out = _range(details["rows_out"])
        self.runs: int = details["runs"]

    def __repr__(self) -> str:
        peak = f"peak {self.peak.expected:,.0f} bytes expected, {self.bound:,} at most"
        return f"<tidegate forecast: {peak}; {self.mode}; {self.seconds.expected:.1f} s>"


class Setting(NamedTuple):
    """One way to read a file with pandas. Sizes are in bytes."""

    setting: str
    line: str
    held: Range
    need: Range
    verdict: Optional[str]


class PandasForecast:
    """What pandas would need to read a file.

    Attributes
    ----------
    rows : Range
        How many rows there are.
    settings : list of Setting
        Ways to read it, each with the line to write: the frame's size (``held``), and what is needed to read it
        (``need``).
    line : str
        The line of the way that needs the least.
    peak : Range
        What the usual way needs, in bytes.
    bound : int
        The upper end of it, in bytes.
    notes : list of str
        What else is to be said.
    details : dict
        All of it, as ``tidegate forecast --pandas FILE --format json`` says it.
    """

    def __init__(self, details: dict[str, Any]) -> None:
        self.details = details
        self.rows = _range(details["rows"])
        self.settings = [
            Setting(each["setting"], each["line"], _range(each["held"]), _range(each["need"]), each["verdict"])
            for each in details["settings"]
        ]
        self.line = min(self.settings, key=lambda each: each.need.expected).line
        self.peak = self.settings[0].need
        self.bound = int(self.peak.most)
        self.notes: list[str] = details["notes"]

    def __repr__(self) -> str:
        lines = [f"<tidegate forecast for pandas: {self.rows.expected:,.0f} rows"]
        for each in self.settings:
            lines.append(
                f"  {each.setting}: {each.need.expected:,.0f} bytes to read it, {each.held.expected:,.0f} held"
            )
        return "\n".join([*lines, f"  {self.line}", ">"])


def run_json(arguments: list[str]) -> dict[str, Any]:
    """Return the JSON that the program prints.

    Raises
    ------
    TidegateError
        What the program says, by its exit code.
    """
    program = [_engine.binary(), *arguments]
    done = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise _error(done.returncode, done.stderr)
    return json.loads(done.stdout)


def _error(code: int, said: str) -> TidegateError:
    """Return what the program said on its standard error as an exception."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    message = next((line[7:] for line in lines if line.startswith("error: ")), lines[0] if lines else "it ended")
    help_ = next((line[6:] for line in lines if line.startswith("help: ")), None)
    if code == 1:
        kind = InputError if "No such file" in said or "no file" in said else QueryError
        return kind(message, help=help_)
    return _ERRORS.get(code, RunError)(message, help=help_)


def _range(fields: dict[str, float]) -> Range:
    return Range(fields["least"], fields["expected"], fields["most"])
