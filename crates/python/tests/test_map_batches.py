"""Functions between batches."""

from __future__ import annotations

import os
import traceback
from typing import Any

import pytest

import tidegate as tg
from tidegate import _engine

pyarrow = pytest.importorskip("pyarrow")


def numbers(rows: int, **options: Any) -> tg.Result:
    return _engine.execute(f"SELECT value AS n FROM range(0, {rows})", **options)


def doubled(batch: Any) -> Any:
    return pyarrow.table({"n": pyarrow.compute.multiply(batch["n"], 2)})


def its_process(batch: Any) -> Any:
    return pyarrow.table({"pid": [os.getpid()], "first": batch["n"][:1]})


def failing(batch: Any) -> Any:
    raise LookupError("no such thing")


def greedy(batch: Any) -> Any:
    held = [bytearray(os.urandom(1) * (64 << 20)) for _ in range(64)]
    return pyarrow.table({"n": [len(held)]})


def test_batches_keep_their_order() -> None:
    import pyarrow.compute  # noqa: F401, PLC0415

    rows = numbers(50_000).map_batches(doubled).rows()
    assert rows == [(n * 2,) for n in range(50_000)]


@pytest.mark.parametrize("as_", ["pandas", "polars", "table", "arrow"])
def test_batches_are_what_was_asked_for(as_: Any) -> None:
    if as_ != "table":
        pytest.importorskip({"arrow": "pyarrow"}.get(as_, as_))
    kinds = set()

    def look(batch: Any) -> Any:
        kinds.add(type(batch).__module__.partition(".")[0])
        return batch

    assert numbers(20_000).map_batches(look, as_=as_).collect().num_rows == 20_000
    assert kinds == {{"table": "tidegate", "arrow": "pyarrow"}.get(as_, as_)}


def test_a_schema_is_kept_to() -> None:
    def mixed(batch: Any) -> Any:
        return pyarrow.table({"t": ["a"], "n": [1]})

    table = numbers(10).map_batches(mixed, schema={"n": float, "t": "str"}).collect()
    assert table.schema == {"n": "Float64", "t": "Utf8"}
    assert table.rows() == [(1.0, "a")]
    table = (
        numbers(10)
        .map_batches(mixed, schema=pyarrow.schema([("t", pyarrow.large_string()), ("n", pyarrow.int32())]))
        .collect()
    )
    assert table.schema == {"t": "LargeUtf8", "n": "Int32"}
    with pytest.raises(tg.UsageError, match="missing"):
        numbers(10).map_batches(mixed, schema={"n": int, "t": str, "further": int}).collect()
    with pytest.raises(tg.UsageError, match="not in the schema"):
        numbers(10).map_batches(mixed, schema={"n": int}).collect()
    with pytest.raises(TypeError, match=r"schema\['n'\]"):
        numbers(10).map_batches(mixed, schema={"n": object()})
    with pytest.raises(TypeError, match="^schema: "):
        numbers(10).map_batches(mixed, schema=5)


def test_no_rows_have_columns_too() -> None:
    table = _engine.execute("SELECT 1 AS n WHERE false").map_batches(lambda batch: batch).collect()
    assert table.columns == ["n"]
    assert len(table) == 0


def test_a_mapped_result_becomes_what_any_does() -> None:
    pandas = pytest.importorskip("pandas")
    frame = numbers(20_000).map_batches(lambda batch: batch).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert pyarrow.table(numbers(20_000).map_batches(lambda batch: batch)).num_rows == 20_000


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_has_its_own_traceback(workers: int) -> None:
    with pytest.raises(LookupError, match="no such thing") as caught:
        numbers(50_000).map_batches(failing, workers=workers).to_arrow()
    text = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert "in failing" in text
    assert numbers(1).collect().num_rows == 1


def test_processes_share_the_work_in_order() -> None:
    result = numbers(100_000, limit="2GB").map_batches(its_process, workers=2)
    rows = result.rows()
    assert [first for _, first in rows] == sorted(first for _, first in rows)
    pids = {pid for pid, _ in rows}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_a_process_that_takes_more_than_its_part_is_ended() -> None:
    with pytest.raises(tg.MemoryLimitError, match="its part of the limit"):
        numbers(100, limit="1GB").map_batches(greedy, workers=1).collect()


def test_a_limit_that_is_too_small_for_processes() -> None:
    with pytest.raises(tg.UsageError, match="workers"):
        numbers(10, limit="256MB").map_batches(doubled, workers=4)


def test_a_function_that_cannot_be_sent() -> None:
    try:
        import cloudpickle  # noqa: F401, PLC0415
    except ImportError:
        with pytest.raises(TypeError, match="^function: cannot be sent"):
            numbers(10).map_batches(lambda batch: batch, workers=1)
    lock = __import__("threading").Lock()
    with pytest.raises(TypeError, match="^function: cannot be sent"):
        numbers(10).map_batches(lambda batch: lock, workers=1)


def test_arguments() -> None:
    with pytest.raises(TypeError, match="^function: "):
        numbers(10).map_batches(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="^workers: "):
        numbers(10).map_batches(doubled, workers=1.5)  # type: ignore[arg-type]
    with pytest.raises(tg.UsageError, match="^as_: "):
        numbers(10).map_batches(doubled, as_="numpy")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="returned None"):
        numbers(10).map_batches(lambda batch: None).collect()
