"""Tables of this process in a query."""

from __future__ import annotations

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
