"""Tables of this process in a query."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tidegate as tg
from tidegate import _engine, _tables


def sum_of(table: Any, query: str = "SELECT sum(n) FROM t") -> int:
    return _engine.execute(query, tables={"t": table}).collect().item()


def test_a_table_of_ours_is_a_table() -> None:
    table = _engine.execute("SELECT value AS n FROM range(0, 100000)").collect()
    assert sum_of(table) == sum(range(100_000))
    joined = "SELECT count(*) FROM t AS a JOIN t AS b ON a.n = b.n"
    assert sum_of(table, joined) == 100_000


def test_frames_are_tables() -> None:
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    values = {"n": [1, 2, 3], "t": ["a", None, "c"]}
    for table in (pandas.DataFrame(values), polars.DataFrame(values), pyarrow.table(values)):
        assert sum_of(table) == 6
        assert sum_of(table, "SELECT count(t) FROM t") == 2


def test_an_index_with_a_name_is_a_column() -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"n": [1, 2]}, index=pandas.Index([5, 6], name="i"))
    assert sum_of(frame, "SELECT sum(i) FROM t") == 11
    assert sum_of(frame[frame["n"] > 1].rename_axis(None), "SELECT count(*) FROM t") == 1


FRAME = """
import pandas
times = pandas.to_datetime(["2026-03-02T10:00:00.5", None, "2026-03-02T12:00:00.0"])
frame = pandas.DataFrame({
    "whole": [1, -2, 3], "small": pandas.array([1, 2, 3], dtype="uint8"), "float": [1.5, float("nan"), 0.25],
    "masked": pandas.array([1, None, 3], dtype="Int32"), "truth": [True, False, True],
    "maybe": pandas.array([True, None, False], dtype="boolean"), "text": ["a", None, "ü"],
    "kind": pandas.Categorical(["x", "y", "x"]), "at": times, "utc": times.tz_localize("Europe/Berlin"),
    "long": pandas.to_timedelta([1, None, 3], unit="s"),
}, index=pandas.Index([7, 8, 9], name="i"))
query = "SELECT * FROM t ORDER BY i"
"""


def test_a_frame_of_pandas_is_a_table_without_pyarrow() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    code = f"""
import pickle, sys
sys.modules["pyarrow"] = None
{FRAME}
import tidegate
from tidegate import _engine
table = _engine.execute(query, tables={{"t": frame}}).collect()
try:
    _engine.execute(query, tables={{"t": frame.assign(odd=[[1], [2], [3]])}}).collect()
except tidegate.MissingPackageError as error:
    assert "column `odd`" in error.message and "pyarrow" in error.help, error
    sys.stdout.buffer.write(pickle.dumps(table.to_dicts()))
"""
    names: dict[str, Any] = {}
    exec(FRAME, names)
    rows = _engine.execute(names["query"], tables={"t": names["frame"]}).collect().to_dicts()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert done.stdout, done.stderr.decode()
    found = pickle.loads(done.stdout)
    # The same moments: here the zone is another.
    assert [row.pop("utc") for row in found] == [row.pop("utc") for row in rows]
    assert found == rows
    assert [row["i"] for row in rows] == [7, 8, 9]


def test_a_result_is_a_stream() -> None:
    inner = _engine.execute("SELECT value AS n FROM range(0, 100000)")
    assert sum_of(inner) == sum(range(100_000))


def test_a_function_gives_the_table_anew() -> None:
    calls = []

    def make() -> Any:
        calls.append(1)
        return _engine.execute("SELECT 5 AS n")

    assert sum_of(make) == 5
    assert sum_of(make) == 5
    assert len(calls) == 2


def test_a_kept_table_is_written_once() -> None:
    kept = _tables.keep("t", _engine.execute("SELECT value AS n FROM range(0, 10)").collect())
    assert kept.nbytes > 0
    assert [field.name for field in kept.schema] == ["n"]
    for _ in range(3):
        assert sum_of(kept) == 45


def test_what_fails_in_a_stream_fails_the_query() -> None:
    def broken() -> Iterator[Any]:
        raise ZeroDivisionError("in the stream")
        yield

    inner = _engine.execute("SELECT value AS n FROM range(0, 100000)").map_batches(lambda batch: 1 / 0, as_="table")
    with pytest.raises(ZeroDivisionError):
        sum_of(inner)
    assert sum_of(_engine.execute("SELECT 1 AS n").collect()) == 1


def test_a_stream_that_nobody_reads_to_its_end(endless: str) -> None:
    inner = _engine.execute(f"SELECT value AS n FROM ({endless})")
    assert sum_of(inner, "SELECT count(*) FROM (SELECT n FROM t LIMIT 5)") == 5


def test_rows_of_a_mapped_result_are_written(in_folder: Path) -> None:
    mapped = _engine.execute("SELECT value AS n FROM range(0, 1000)").map_batches(lambda batch: batch, as_="table")
    mapped.write_csv("out.csv")
    assert len((in_folder / "out.csv").read_text().splitlines()) == 1001


def test_nothing_is_left_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_SPILL_DIR", str(tmp_path))
    table = _engine.execute("SELECT value AS n FROM range(0, 1000)").collect()
    kept = _tables.keep("t", table)
    assert list(tmp_path.iterdir()) == []
    assert sum_of(kept) == sum(range(1000))


def test_what_is_no_table() -> None:
    with pytest.raises(TypeError, match="returned"):
        sum_of(lambda: 5)
    with pytest.raises(tg.QueryError):
        _engine.execute("SELECT * FROM nope", tables={}).collect()
