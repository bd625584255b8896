"""Answers requests of `tidegate bench release` with pandas, as a service in one process would: a thread for each at a time.

Standard input is the load, one JSON object in a line, then a line for each turn: its seconds. Standard output is what happened:
`ready` and the version; a line for each request that was answered (its place in the plan, and when it was begun and answered,
in microseconds since the turn began), `over` at the end of a turn; `done`.
"""

from __future__ import annotations

import csv
import ctypes
import gc
import itertools
import json
import os
import sys
import threading
import time
from typing import NamedTuple

import pandas as pd

LOG_COLUMNS = [
    "client",
    "ident",
    "user",
    "time",
    "zone",
    "request",
    "status",
    "bytes",
    "referer",
    "user_agent",
    "request_time",
]
COLUMNS = {
    "paths": ["path", "bytes", "request_time"],
    "clients": ["client", "status"],
    "sorted": ["request_time", "client", "path", "status", "bytes"],
}


def read(file: dict[str, str], question: str) -> pd.DataFrame:
    """Read the columns that a question needs; from a combined log by spaces and quotes, which is the fast way."""
    columns = COLUMNS[question]
    if file["format"] == "csv":
        return pd.read_csv(file["path"], usecols=columns, keep_default_na=False, na_values={"bytes": [""]})
    frame = pd.read_csv(
        file["path"],
        sep=" ",
        header=None,
        names=LOG_COLUMNS,
        usecols=["request" if column == "path" else column for column in columns],
        escapechar="\\",
        keep_default_na=False,
        na_values={"bytes": ["-"]},
    )
    if "path" in columns:
        # Faster than the methods of `.str`.
        frame["path"] = [path_of(request) for request in frame["request"]]
        del frame["request"]
    return frame


def path_of(request: str) -> str:
    """Return the path of a request without its query; nothing of a request that names none."""
    parts = request.split(" ", 2)
    return parts[1].split("?", 1)[0] if len(parts) > 1 else ""


def answer(frame: pd.DataFrame, question: str) -> pd.DataFrame:
    """Answer a question."""
    if question == "paths":
        groups = frame.groupby("path", sort=False)
        table = pd.DataFrame(
            {
                "requests": groups.size(),
                "bytes": groups["bytes"].sum(),
                "p95": groups["request_time"].quantile(0.95),
            }
        )
        return table.reset_index().sort_values(["requests", "path"], ascending=[False, True])
    if question == "clients":
        groups = frame.groupby("status")
        table = pd.DataFrame({"requests": groups.size(), "clients": groups["client"].nunique()})
        return table.reset_index()
    order = frame.sort_values("request_time", ascending=False, kind="stable")
    return order[COLUMNS["sorted"]]


def say(line: str) -> None:
    """Write a line at once, and whole, whichever thread it is of."""
    os.write(1, (line + "\n").encode())


def write_answers(load: dict) -> None:
    """Write the answer of each question about each file, to be compared."""
    for at, (file, question) in enumerate(load["plan"]):
        table = answer(read(load["files"][file], question), question)
        table.to_csv(os.path.join(load["answers"], f"{at}.csv"), index=False, quoting=csv.QUOTE_MINIMAL)


def trim() -> None:
    """Give memory back, as far as Python and the C library do."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


class Turn(NamedTuple):
    """When a turn began, and its seconds."""

    start: float
    seconds: float


def serve(load: dict, places: itertools.count, turn: Turn) -> None:
    """Answer requests until the turn is over."""
    files, plan, mode = load["files"], load["plan"], load["mode"]
    start = turn.start
    while time.perf_counter() - start < turn.seconds:
        at = next(places)
        file, question = plan[at % len(plan)]
        begun = time.perf_counter() - start
        frame = read(files[file], question)
        table = answer(frame, question)
        answered = time.perf_counter() - start
        if mode == "keep":
            KEPT.append((frame, table))
        del frame, table
        say(f"{at} {begun * 1e6:.0f} {answered * 1e6:.0f}")
        if mode == "trim":
            trim()


KEPT: list[tuple[pd.DataFrame, pd.DataFrame]] = []


def guarded(load: dict, places: itertools.count, turn: Turn) -> None:
    """Answer requests; end the process by the first that fails, as the others would wait for nothing."""
    try:
        serve(load, places, turn)
    except BaseException as error:  # noqa: BLE001
        say(f"failed {type(error).__name__}: {error}".replace("\n", " "))
        os._exit(1)


def main() -> None:
    """Do what the standard input says."""
    load = json.loads(sys.stdin.readline())
    if load["answers"]:
        write_answers(load)
    say(f"ready {pd.__version__}")
    places = itertools.count()
    for seconds in sys.stdin:
        arguments = (load, places, Turn(time.perf_counter(), float(seconds)))
        threads = [threading.Thread(target=guarded, args=arguments) for _ in range(load["concurrency"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        say("over")
    say("done")


if __name__ == "__main__":
    main()
