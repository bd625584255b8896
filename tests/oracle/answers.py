"""Answers to fixed questions about an access log, computed the slow and obvious way.

    answers.py log|csv|ndjson FILE

prints one JSON object. It shares no code with Tidegate: where both agree, it is not by construction. `lines` is rows +
rejects + blank (the header of a CSV file is none of them), `_line` is the number of a record's first physical line
from 1 (here the header counts), percentiles are by nearest rank, NULL is null.
"""

from __future__ import annotations

import heapq
import json
import re
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

CSV_COLUMNS = "client,ident,user,ts,method,path,query,protocol,status,bytes,referer,user_agent,request_time".split(",")
NUMBER = r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?"

# The possessive `*+` and the atomic group take the first end of a field and never come back for a later one.
QUOTED = r'"((?:[^"\\]|\\.)*+)"'
ACCESS = re.compile(rf"([^ ]*+) ([^ ]*+) ((?>.*?(?= \[))) \[([^\]]*+)\] {QUOTED} ([^ ]++) ([^ ]++)", re.DOTALL)
TRAILING = re.compile(rf" (?:{QUOTED}|((?!\")[^ ]*+))", re.DOTALL)
REQUEST = re.compile(r"([A-Z_-]+) (.*?)(?: (HTTP/[^ ]*))?", re.DOTALL)


class Row(NamedTuple):
    """What the questions need of a record."""

    client: str | None
    minute: str | None
    path: str | None
    status: int | None
    bytes: int | None
    request_time: float | None


class RejectError(Exception):
    """The record is not whole or a value is not of its column's type."""


def checked(pattern: str, text: str) -> str:
    """Return the text if all of it is like the pattern."""
    if not re.fullmatch(pattern, text):
        raise RejectError(text)
    return text


@lru_cache(maxsize=1000)
def minute(text: str, form: str | None = None) -> str:
    """Return the minute in UTC of a time in RFC 3339, or in the form that `strptime` is given."""
    try:
        time = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
    except ValueError as error:
        raise RejectError(text) from error
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00Z")


def access_row(line: str) -> Row:
    """Read a line of an access log: combined, then the request time as the first bare number. `-` is NULL."""
    if not (match := ACCESS.match(line)):
        raise RejectError(line)
    client, _ident, _user, ts, request, status, size = match.groups()
    request_time = None
    at = match.end()
    while at < len(line):
        if not (field := TRAILING.match(line, at)):
            raise RejectError(line)
        if request_time is None and field[2] and re.fullmatch(NUMBER, field[2]):
            request_time = float(field[2])
        at = field.end()
    # A request that is nothing like `METHOD path?query PROTOCOL` is all path.
    parts = REQUEST.fullmatch(request)
    path = parts[2].split("?", 1)[0] if parts else request
    return Row(
        client=None if client in {"", "-"} else client,
        minute=minute(ts, "%d/%b/%Y:%H:%M:%S %z"),
        path=None if path in {"", "-"} else path,
        status=None if status == "-" else int(checked("[0-9]{1,3}", status)),
        bytes=None if size == "-" else int(checked("[0-9]{1,18}", size)),
        request_time=request_time,
    )


def csv_fields(record: str) -> list[str] | None:
    """Split a record by RFC 4180; None if a quoted field is still open at its end."""
    fields: list[str] = []
    at = 0
    while True:
        value = ""
        if record.startswith('"', at):
            at += 1
            while True:
                end = record.find('"', at)
                if end < 0:
                    return None
                value += record[at:end]
                at = end + 1
                if not record.startswith('"', at):
                    break
                value += '"'
                at += 1
        end = record.find(",", at)
        if end < 0:
            return [*fields, value + record[at:]]
        fields.append(value + record[at:end])
        at = end + 1


def csv_row(record: str) -> Row:
    """Read a CSV record. An empty field is NULL."""
    fields = csv_fields(record)
    if fields is None or len(fields) != len(CSV_COLUMNS):
        raise RejectError(record)
    value = dict(zip(CSV_COLUMNS, fields, strict=True))
    return Row(
        client=value["client"] or None,
        minute=minute(value["ts"]) if value["ts"] else None,
        path=value["path"] or None,
        status=int(checked("[0-9]{1,18}", value["status"])) if value["status"] else None,
        bytes=int(checked("[0-9]{1,18}", value["bytes"])) if value["bytes"] else None,
        request_time=float(checked(NUMBER, value["request_time"])) if value["request_time"] else None,
    )


def ndjson_row(line: str) -> Row:
    """Read a JSON object. A key that is not there is NULL."""
    try:
        value = json.loads(line)
    except ValueError as error:
        raise RejectError(line) from error
    if type(value) is not dict:
        raise RejectError(line)
    ts = typed(value, "ts", str)
    return Row(
        client=typed(value, "client", str),
        minute=None if ts is None else minute(ts),
        path=typed(typed(value, "request", dict) or {}, "path", str),
        status=typed(value, "status", int),
        bytes=typed(value, "bytes", int),
        request_time=typed(value, "request_time", float, int),
    )


def typed(value: dict[str, Any], key: str, *types: type) -> Any:
    """Return the value of a key, which must be of one of the types or NULL. (Not isinstance: True is an int.)"""
    found = value.get(key)
    if found is not None and type(found) not in types:
        raise RejectError(key)
    return found


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each physical line; bytes that are no UTF-8 become U+FFFD."""
    with path.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            yield line, raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", errors="replace")


def csv_records(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the records after the header; one whose quotes are open goes on in the next line."""
    first, record = 0, ""
    for line, text in lines(path):
        first, record = (first, record + "\n" + text) if first else (line, text)
        if csv_fields(record) is not None:
            if first > 1:
                yield first, record
            first = 0
    if first:
        yield first, record


READERS: dict[str, tuple[Callable[[Path], Iterator[tuple[int, str]]], Callable[[str], Row]]] = {
    "log": (lines, access_row),
    "csv": (csv_records, csv_row),
    "ndjson": (lines, ndjson_row),
}


def minute_row(key: str | None, count: int, times: list[float]) -> list[Any]:
    """Return a minute's count, 50th, 95th and 99th percentile, minimum and maximum."""
    if not times:
        return [key, count, None, None, None, None, None]
    times.sort()
    ranks = [-(-len(times) * percent // 100) for percent in (50, 95, 99)]
    return [key, count, *[times[rank - 1] for rank in ranks], times[0], times[-1]]


def answers(form: str, path: Path) -> dict[str, Any]:
    """Read the file and answer all questions."""
    records, read = READERS[form]
    rows = rejects = blank = checksum = 0
    counts: dict[str, Counter[Any]] = {"status": Counter(), "client": Counter(), "path": Counter(), "minute": Counter()}
    # A key without an entry has no bytes but NULL, and so has its sum.
    sums: dict[str, dict[Any, int]] = {"status": {}, "client": {}}
    times, places = array("d"), array("q")
    times_of: dict[str | None, array[float]] = {}
    for line, text in records(path):
        if not text:
            blank += 1
            continue
        try:
            row = read(text)
        except RejectError:
            rejects += 1
            continue
        rows += 1
        checksum += (row.status or 0) * 31 + (row.bytes or 0)
        for column, count in counts.items():
            count[getattr(row, column)] += 1
        if row.bytes is not None:
            for column, total in sums.items():
                total[getattr(row, column)] = total.get(getattr(row, column), 0) + row.bytes
        if row.request_time is not None:
            times.append(row.request_time)
            places.append(line)
            times_of.setdefault(row.minute, array("d")).append(row.request_time)

    def nulls_last(value: Any) -> tuple[bool, Any]:
        return (value is None, value)

    minutes = sorted(counts["minute"].items(), key=lambda row: nulls_last(row[0]))
    statuses, clients = ([(key, n, sums[column].get(key)) for key, n in counts[column].items()] for column in sums)
    by_time = list(zip(times, places, strict=True))
    totals = {"lines": rows + rejects + blank, "rows": rows, "rejects": rejects, "blank": blank}
    return totals | {
        "by_status": sorted(statuses, key=lambda row: nulls_last(row[0])),
        "top_paths": heapq.nsmallest(20, counts["path"].items(), key=lambda row: (-row[1], nulls_last(row[0]))),
        "by_minute": [minute_row(key, count, list(times_of.get(key, []))) for key, count in minutes],
        "top_users": heapq.nsmallest(20, clients, key=lambda row: (row[2] is None, -(row[2] or 0), nulls_last(row[0]))),
        "sorted_by_request_time": {
            "first": heapq.nsmallest(10, by_time),
            "last": sorted(heapq.nlargest(10, by_time)),
            "checksum": checksum,
        },
    }


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in READERS:
        sys.exit("usage: answers.py log|csv|ndjson FILE")
    print(json.dumps(answers(sys.argv[1], Path(sys.argv[2]))))
