"""What Polars means, Tidegate means: the same expressions over the same small data, value by value.

Where they differ, docs/python.md has a line that says so, and ``test_frame_differences.py`` a test.
"""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING, Any, Callable

import pytest
from frame_support import column_of, rows_of, same, to_polars, write_csv

pl = pytest.importorskip("polars")
pytest.importorskip("pyarrow")

import tidegate as tg  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


def _time(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)


DATA: dict[str, tuple[str, list[Any]]] = {
    "n": ("int", list(range(10))),
    "i": ("int", [7, -7, 0, 3, None, 12, -1, 2**53 + 1, 5, -100]),
    "j": ("int", [2, 2, 5, -2, 3, None, -3, 10, 7, 7]),
    "f": ("float", [1.5, -2.5, 0.0, None, 3.25, 1e300, -0.125, 100.75, 2.0, -7.0]),
    "g": ("float", [2.0, 0.5, 4.0, 1.0, None, 3.0, 2.5, -3.0, 7.0, 2.0]),
    "b": ("bool", [True, False, None, True, False, True, None, False, True, True]),
    "s": ("text", ["abc", "Straße", "naïve café", None, "a.c", "100%_x", "  pad ", "日本語テキスト", "a/b/c", "x"]),
    "k": ("text", ["p", "q", "p", "q", "r", None, "p", "q", None, "p"]),
    "t": (
        "time",
        [
            _time("2026-03-02T10:11:12.123456"),
            _time("2026-01-01T00:00:00"),
            _time("2024-02-29T23:59:59.999999"),
            None,
            _time("1969-12-31T23:59:58.5"),
            _time("2026-12-31T12:30:00"),
            _time("2000-01-01T00:00:01"),
            _time("2025-06-15T18:45:30.25"),
            _time("1999-12-27T06:00:00"),
            _time("2026-03-01T23:00:00"),
        ],
    ),
}

ROWS: dict[str, Callable[[Any], Any]] = {
    "add": lambda m: m.col("i") + m.col("j") * 2 - 1,
    "negate": lambda m: -m.col("f"),
    "divide": lambda m: m.col("i") / m.col("j"),
    "divide floats": lambda m: m.col("f") / m.col("g"),
    "divide by a number": lambda m: m.col("i") / 4,
    "divide a number": lambda m: 1 / m.col("j"),
    "by zero": lambda m: m.col("j") / 0,
    "floor divide": lambda m: m.col("i") // m.col("j"),
    "floor divide by a number": lambda m: m.col("i") // 3,
    "floor divide by less than zero": lambda m: m.col("i") // -3,
    "floor divide floats": lambda m: m.col("g") // 2,
    "modulo": lambda m: m.col("i") % m.col("j"),
    "modulo by a number": lambda m: m.col("i") % 7,
    "modulo by less than zero": lambda m: m.col("i") % -7,
    "modulo of floats": lambda m: m.col("g") % 1.5,
    "compare": lambda m: m.col("i") > m.col("j"),
    "equal": lambda m: m.col("s") == "abc",
    "not equal": lambda m: m.col("s") != "abc",
    "equal with missing": lambda m: m.col("k").eq_missing(m.lit("p")),
    "not equal with missing": lambda m: m.col("k").ne_missing(m.lit("p")),
    "and": lambda m: m.col("b") & (m.col("i") > 0),
    "or": lambda m: m.col("b") | (m.col("i") > 0),
    "xor": lambda m: m.col("b") ^ (m.col("i") > 0),
    "not": lambda m: ~m.col("b"),
    "is in": lambda m: m.col("i").is_in([7, 0, 99]),
    "is in nothing": lambda m: m.col("i").is_in([]),
    "is not in": lambda m: ~m.col("k").is_in(["p", "z"]),
    "is between": lambda m: m.col("i").is_between(-7, 7),
    "is between left": lambda m: m.col("i").is_between(-7, 7, closed="left"),
    "is between none": lambda m: m.col("i").is_between(-7, 7, closed="none"),
    "is null": lambda m: m.col("s").is_null(),
    "is not null": lambda m: m.col("s").is_not_null(),
    "fill null": lambda m: m.col("i").fill_null(0),
    "fill null of another": lambda m: m.col("i").fill_null(m.col("j")),
    "fill nan": lambda m: (m.col("g") * 0 / 0).fill_nan(5.0),
    "is nan": lambda m: (m.col("g") * 0 / 0).is_nan(),
    "nan equals nan": lambda m: (m.col("g") * 0 / 0) == (m.col("g") * 0 / 0),
    "nan is greatest": lambda m: (m.col("g") * 0 + m.lit(math.nan)) > 1e300,
    "abs": lambda m: m.col("i").abs(),
    "sqrt": lambda m: m.col("g").sqrt(),
    "exp": lambda m: m.col("g").exp(),
    "log": lambda m: m.col("g").log(),
    "log 10": lambda m: m.col("g").log(10),
    "floor": lambda m: m.col("f").floor(),
    "ceil": lambda m: m.col("f").ceil(),
    "sign": lambda m: m.col("f").sign(),
    "clip": lambda m: m.col("i").clip(-5, 6),
    "clip below": lambda m: m.col("f").clip(0),
    "cast to int": lambda m: m.col("g").cast(m.Int64 if hasattr(m, "Int64") else int),
    "cast to float": lambda m: m.col("i").cast(m.Float64 if hasattr(m, "Float64") else float),
    "cast to text": lambda m: m.col("i").cast(m.String if hasattr(m, "String") else str),
    "cast bool to int": lambda m: m.col("b").cast(m.Int64 if hasattr(m, "Int64") else int),
    "cast not strict": lambda m: m.col("s").cast(m.Int64 if hasattr(m, "Int64") else int, strict=False),
    "when": lambda m: m.when(m.col("i") > 0).then(1).when(m.col("i") < 0).then(-1).otherwise(0),
    "when without otherwise": lambda m: m.when(m.col("i") > 0).then(m.col("j")),
    "coalesce": lambda m: m.coalesce("i", "j"),
    "least": lambda m: m.min_horizontal("i", "j"),
    "greatest": lambda m: m.max_horizontal("i", "j"),
    "concat": lambda m: m.concat_str("k", "s", separator="-"),
    "concat without nulls": lambda m: m.concat_str("k", "s", separator="-", ignore_nulls=True),
    "plus text": lambda m: m.col("k") + m.lit("!"),
    "contains": lambda m: m.col("s").str.contains("a.c"),
    "contains a text": lambda m: m.col("s").str.contains("a.c", literal=True),
    "contains plain": lambda m: m.col("s").str.contains("bc"),
    "contains percent": lambda m: m.col("s").str.contains("%_", literal=True),
    "contains at start": lambda m: m.col("s").str.contains("^[a-c]"),
    "contains any case": lambda m: m.col("s").str.contains("(?i)STRA"),
    "starts with": lambda m: m.col("s").str.starts_with("a"),
    "starts with percent": lambda m: m.col("s").str.starts_with("100%"),
    "ends with": lambda m: m.col("s").str.ends_with("c"),
    "ends with underscore": lambda m: m.col("s").str.ends_with("_x"),
    "lower": lambda m: m.col("s").str.to_lowercase(),
    "upper": lambda m: m.col("s").str.to_uppercase(),
    "replace": lambda m: m.col("s").str.replace("[ab]", "<$0>"),
    "replace all": lambda m: m.col("s").str.replace_all("[ab/]", "<$0>"),
    "replace with a group": lambda m: m.col("s").str.replace_all("(.)b", "${1}B"),
    "replace a text": lambda m: m.col("s").str.replace(".", "$1\\1", literal=True),
    "replace a text at the end": lambda m: m.col("s").str.replace("スト", "", literal=True),
    "replace no text": lambda m: m.col("s").str.replace("", "<", literal=True),
    "replace all of a text": lambda m: m.col("s").str.replace_all("/", "\\1$", literal=True),
    "extract": lambda m: m.col("s").str.extract("^([a-z]+)[./](.)", 1),
    "extract the second": lambda m: m.col("s").str.extract("^([a-z]+)[./](.)", 2),
    "extract all": lambda m: m.col("s").str.extract("^([a-z]+)[./](.)", 0),
    "extract optional": lambda m: m.col("s").str.extract("(z)?([a-c])", 1),
    "count matches": lambda m: m.col("s").str.count_matches("[a-c]"),
    "len chars": lambda m: m.col("s").str.len_chars(),
    "len bytes": lambda m: m.col("s").str.len_bytes(),
    "slice": lambda m: m.col("s").str.slice(1, 3),
    "slice to the end": lambda m: m.col("s").str.slice(2),
    "slice from the end": lambda m: m.col("s").str.slice(-3),
    "slice from the end with length": lambda m: m.col("s").str.slice(-3, 2),
    "slice from before the start": lambda m: m.col("s").str.slice(-20, 2),
    "slice beyond": lambda m: m.col("s").str.slice(50, 2),
    "slice nothing": lambda m: m.col("s").str.slice(1, 0),
    "head": lambda m: m.col("s").str.head(2),
    "head but": lambda m: m.col("s").str.head(-2),
    "tail": lambda m: m.col("s").str.tail(2),
    "tail but": lambda m: m.col("s").str.tail(-2),
    "split": lambda m: m.col("s").str.split("/"),
    "split and get": lambda m: (
        m.col("s").str.split("/").list.get(1, null_on_oob=True) if m is pl else m.col("s").str.split("/").list.get(1)
    ),
    "split and get the last": lambda m: m.col("s").str.split("/").list.get(-1),
    "split and len": lambda m: m.col("s").str.split("/").list.len(),
    "split and contains": lambda m: m.col("s").str.split("/").list.contains("b"),
    "split and join": lambda m: m.col("s").str.split("/").list.join("+"),
    "strip": lambda m: m.col("s").str.strip_chars(),
    "strip start": lambda m: m.col("s").str.strip_chars_start(),
    "strip some": lambda m: m.col("s").str.strip_chars_end("cx"),
    "reverse": lambda m: m.col("s").str.reverse(),
    "zfill": lambda m: m.col("i").cast(m.String if hasattr(m, "String") else str).str.zfill(5),
    "truncate to minutes": lambda m: m.col("t").dt.truncate("1m"),
    "truncate to 5 minutes": lambda m: m.col("t").dt.truncate("5m"),
    "truncate to hours": lambda m: m.col("t").dt.truncate("1h"),
    "truncate to 6 hours": lambda m: m.col("t").dt.truncate("6h"),
    "truncate to days": lambda m: m.col("t").dt.truncate("1d"),
    "truncate to 3 days": lambda m: m.col("t").dt.truncate("3d"),
    "truncate to weeks": lambda m: m.col("t").dt.truncate("1w"),
    "truncate to 2 weeks": lambda m: m.col("t").dt.truncate("2w"),
    "truncate to months": lambda m: m.col("t").dt.truncate("1mo"),
    "truncate to 5 months": lambda m: m.col("t").dt.truncate("5mo"),
    "truncate to quarters": lambda m: m.col("t").dt.truncate("1q"),
    "truncate to years": lambda m: m.col("t").dt.truncate("1y"),
    "truncate to 10 seconds": lambda m: m.col("t").dt.truncate("10s"),
    "truncate to 50 milliseconds": lambda m: m.col("t").dt.truncate("50ms"),
    "year": lambda m: m.col("t").dt.year(),
    "quarter": lambda m: m.col("t").dt.quarter(),
    "month": lambda m: m.col("t").dt.month(),
    "week": lambda m: m.col("t").dt.week(),
    "day": lambda m: m.col("t").dt.day(),
    "ordinal day": lambda m: m.col("t").dt.ordinal_day(),
    "weekday": lambda m: m.col("t").dt.weekday(),
    "hour": lambda m: m.col("t").dt.hour(),
    "minute": lambda m: m.col("t").dt.minute(),
    "second": lambda m: m.col("t").dt.second(),
    "millisecond": lambda m: m.col("t").dt.millisecond(),
    "microsecond": lambda m: m.col("t").dt.microsecond(),
    "date": lambda m: m.col("t").dt.date(),
    "epoch": lambda m: m.col("t").dt.epoch("s"),
    "epoch in microseconds": lambda m: m.col("t").dt.epoch("us"),
    "strftime": lambda m: m.col("t").dt.strftime("%Y/%m/%d %H:%M"),
    "offset": lambda m: m.col("t").dt.offset_by("1mo2d3h"),
    "offset back": lambda m: m.col("t").dt.offset_by("-90m"),
    "minus a length": lambda m: m.col("t") - datetime.timedelta(hours=1, microseconds=5),
    "after a time": lambda m: m.col("t") > datetime.datetime(2025, 1, 1),  # noqa: DTZ001
    "difference of times": lambda m: (
        (m.col("t") - datetime.datetime(2025, 1, 1)).dt.total_seconds(fractional=True)  # noqa: DTZ001
        if m is pl
        else (m.col("t") - datetime.datetime(2025, 1, 1)).dt.total_seconds()
    ),  # noqa: DTZ001
    "to datetime": lambda m: (
        m.lit("2026-03-") + m.col("j").abs().cast(m.String if hasattr(m, "String") else str).str.zfill(2)
    ).str.to_datetime("%Y-%m-%d"),
    "replace values": lambda m: m.col("k").replace({"p": "one", "q": "two"}),
    "sum over": lambda m: m.col("j").sum().over("k"),
    "mean over": lambda m: (m.col("g") - m.col("g").mean()).over("k"),
    "count over": lambda m: m.col("i").count().over("k"),
    "len over": lambda m: m.len().over("k"),
    "max over two": lambda m: m.col("j").max().over("k", "b"),
    "first over": lambda m: m.col("i").first().over("k", order_by="n"),
    "last over": lambda m: m.col("i").last().over("k", order_by="n"),
    "share of all": lambda m: m.col("g") / m.col("g").sum(),
    "shift": lambda m: m.col("i").shift(1).over("k", order_by="n"),
    "shift back": lambda m: m.col("i").shift(-2).over("k", order_by="n"),
    "shift with a value": lambda m: m.col("j").shift(1, fill_value=0).over("k", order_by="n"),
    "diff": lambda m: m.col("j").diff().over("k", order_by="n"),
    "cum sum": lambda m: m.col("j").cum_sum().over("k", order_by="n"),
    "cum count": lambda m: m.col("j").cum_count().over("k", order_by="n"),
    "cum min": lambda m: m.col("j").cum_min().over("k", order_by="n"),
    "cum max": lambda m: m.col("j").cum_max().over("k", order_by="n"),
    "rolling mean": lambda m: m.col("g").rolling_mean(3).over("k", order_by="n"),
    "rolling sum of some": lambda m: m.col("g").rolling_sum(2, min_samples=1).over("k", order_by="n"),
    "rolling max": lambda m: m.col("g").rolling_max(2).over("k", order_by="n"),
    "rank": lambda m: m.col("j").rank("min").over("k"),
    "rank dense": lambda m: m.col("j").rank("dense", descending=True).over("k"),
}

AGGREGATES: dict[str, Callable[[Any], Any]] = {
    "sum": lambda m: m.col("j").sum(),
    "sum of floats": lambda m: m.col("g").sum(),
    "sum of conditions": lambda m: (m.col("j") > 2).sum(),
    "sum of truth values": lambda m: m.col("b").sum(),
    "mean of conditions": lambda m: (m.col("j") > 2).mean(),
    "mean": lambda m: m.col("j").mean(),
    "min": lambda m: m.col("f").min(),
    "max": lambda m: m.col("t").max(),
    "max of text": lambda m: m.col("s").max(),
    "count": lambda m: m.col("i").count(),
    "len": lambda m: m.len(),
    "null count": lambda m: m.col("s").null_count(),
    "median": lambda m: m.col("j").median(),
    "quantile": lambda m: m.col("j").quantile(0.3, interpolation="linear"),
    "std": lambda m: m.col("g").std(),
    "std of all": lambda m: m.col("g").std(ddof=0),
    "var": lambda m: m.col("j").var(),
    "any": lambda m: m.col("b").any(),
    "all": lambda m: m.col("b").all(),
    "filtered": lambda m: m.col("j").filter(m.col("b")).sum(),
    "filtered len": lambda m: m.col("j").filter(m.col("i") > 0).len(),
    "of an expression": lambda m: (m.col("i") * 2 + m.col("j")).max(),
    "between aggregates": lambda m: m.col("g").max() - m.col("g").min(),
    "distinct": lambda m: m.col("j").drop_nulls().n_unique() if m is pl else m.col("j").n_unique(),
}


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> tuple[tg.LazyFrame, Any]:
    return write_csv(tmp_path_factory.mktemp("semantics") / "data.csv", DATA), to_polars(DATA)


_answers: dict[str, list[dict[str, Any]]] = {}


def _ours(frame: tg.LazyFrame, kind: str, path: Path | None = None) -> list[dict[str, Any]]:
    """Return all answers of a kind, from one query; if that fails, nothing."""
    del path
    if kind not in _answers:
        if kind == "rows":
            named = [build(tg).alias(name) for name, build in ROWS.items()]
            query = frame.select("n", *[expr.alias(f"{at}") for at, expr in enumerate(named)]).sort("n")
        elif kind == "all":
            query = frame.select([build(tg).alias(f"{at}") for at, build in enumerate(AGGREGATES.values())])
        else:
            aggregates = [build(tg).alias(f"{at}") for at, build in enumerate(AGGREGATES.values())]
            query = frame.group_by("k").agg(*aggregates).sort("k")
        try:
            _answers[kind] = rows_of(query)
        except tg.TidegateError:
            _answers[kind] = []
    return _answers[kind]


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_as_in_polars(frames: tuple[tg.LazyFrame, Any], name: str) -> None:
    ours, theirs = frames
    rows = _ours(ours, "rows")
    at = f"{list(ROWS).index(name)}"
    if not rows:
        rows = rows_of(ours.select("n", ROWS[name](tg).alias(at)).sort("n"))
    expected = theirs.select(pl.col("n"), ROWS[name](pl).alias("value"))["value"].to_list()
    found = column_of(rows, at)
    assert len(found) == len(expected)
    for left, right, n in zip(found, expected, range(len(found))):
        assert same(left, right), f"row {n}: {left!r}, in Polars {right!r}; {ROWS[name](tg)}"


@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregates_of_all_rows_are_as_in_polars(frames: tuple[tg.LazyFrame, Any], name: str) -> None:
    ours, theirs = frames
    rows = _ours(ours, "all")
    at = f"{list(AGGREGATES).index(name)}"
    if not rows:
        rows = rows_of(ours.select(AGGREGATES[name](tg).alias(at)))
    expected = theirs.select(AGGREGATES[name](pl).alias("value"))["value"].to_list()
    assert len(rows) == 1
    assert same(rows[0][at], expected[0]), f"{rows[0][at]!r}, in Polars {expected[0]!r}; {AGGREGATES[name](tg)}"


@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregates_of_groups_are_as_in_polars(frames: tuple[tg.LazyFrame, Any], name: str) -> None:
    ours, theirs = frames
    rows = _ours(ours, "groups")
    at = f"{list(AGGREGATES).index(name)}"
    if not rows:
        rows = rows_of(ours.group_by("k").agg(AGGREGATES[name](tg).alias(at)).sort("k"))
    grouped = theirs.group_by("k").agg(AGGREGATES[name](pl).alias("value")).sort("k", nulls_last=True)
    assert column_of(rows, "k") == grouped["k"].to_list()
    for left, right, key in zip(column_of(rows, at), grouped["value"].to_list(), grouped["k"].to_list()):
        assert same(left, right), f"group {key}: {left!r}, in Polars {right!r}; {AGGREGATES[name](tg)}"
