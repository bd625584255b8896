"""What rows become: tables, frames, matrices."""

from __future__ import annotations

import datetime
import decimal
import pickle
from pathlib import Path

import pytest

import tidegate as tg
from tidegate import _engine

EVERY_TYPE = """
    SELECT true AS b, arrow_cast(1, 'Int8') AS i8, arrow_cast(300, 'Int16') AS i16, arrow_cast(70000, 'Int32') AS i32,
        CAST(9007199254740993 AS BIGINT) AS i64, arrow_cast(255, 'UInt8') AS u8, arrow_cast(1.5, 'Float32') AS f32,
        2.25::double AS f64, 'text' AS s, arrow_cast('view', 'Utf8View') AS v, arrow_cast('large', 'LargeUtf8') AS l,
        arrow_cast('dict', 'Dictionary(Int32, Utf8)') AS d, X'00ff' AS x, DATE '2026-03-02' AS day,
        arrow_cast(TIMESTAMP '2026-03-02T10:00:00.5', 'Timestamp(Microsecond, None)') AS at,
        arrow_cast(TIMESTAMP '2026-03-02T10:00:00', 'Timestamp(Second, Some("UTC"))') AS utc,
        CAST(1.10 AS DECIMAL(10, 2)) AS dec, [1, 2] AS list, {'a': 1} AS struct, NULL AS nothing
"""


def test_every_type_is_an_object() -> None:
    row = _engine.execute(EVERY_TYPE).collect()[0]
    utc = datetime.timezone.utc
    assert row == (
        True, 1, 300, 70000, 9007199254740993, 255, 1.5, 2.25, "text", "view", "large", "dict", b"\x00\xff",
        datetime.date(2026, 3, 2), datetime.datetime(2026, 3, 2, 10, 0, 0, 500000),
        datetime.datetime(2026, 3, 2, 10, tzinfo=utc), decimal.Decimal("1.10"), [1, 2], {"a": 1}, None,
    )  # fmt: skip


def test_a_table() -> None:
    table = _engine.execute(
        "SELECT value AS n, CASE WHEN value % 2 = 0 THEN 'even' END AS t FROM range(0, 3000)"
    ).collect()
    assert len(table) == 3000
    assert table.shape == (3000, 2)
    assert table["t"][:3] == ["even", None, "even"]
    assert table[-1] == (2999, None)
    assert table[10:12].rows() == [(10, "even"), (11, None)]
    assert [row[0] for row in table] == list(range(3000))
    assert table.head(2).to_dicts() == [{"n": 0, "t": "even"}, {"n": 1, "t": None}]
    assert table.head(2).to_pydict() == {"n": [0, 1], "t": ["even", None]}
    assert "3,000 rows" in repr(table)
    assert "NULL" in repr(table)
    assert "<table>" in table._repr_html_()
    assert pickle.loads(pickle.dumps(table)) == table
    with pytest.raises(KeyError):
        table["nope"]
    with pytest.raises(IndexError):
        table[3000]
    with pytest.raises(ValueError, match="one value"):
        table.item()


def test_the_size_of_a_table_is_that_of_its_rows() -> None:
    columns = ", ".join(f"value * {n} AS c{n}" for n in range(10))
    table = _engine.execute(f"SELECT {columns} FROM range(0, 100000)").collect()
    assert 8_000_000 <= table.nbytes < 8_500_000
    assert 80_000 <= table.head(1000).nbytes < 85_000


def test_batches_come_one_by_one(endless: str) -> None:
    seen = 0
    with _engine.execute(endless) as result:
        for batch in result.iter_batches():
            assert batch[0] == (seen + 1,)
            seen += len(batch)
            if seen > 100_000:
                break
    assert _engine.execute("SELECT 1").collect().item() == 1


def test_arrow() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = _engine.execute("SELECT value FROM range(0, 100000)").to_arrow()
    assert isinstance(table, pyarrow.Table)
    assert table.num_rows == 100_000
    assert pyarrow.table(_engine.execute("SELECT 'a' AS a")).to_pylist() == [{"a": "a"}]
    reader = pyarrow.RecordBatchReader.from_stream(_engine.execute("SELECT value FROM range(0, 100000)"))
    assert sum(batch.num_rows for batch in reader) == 100_000
    with pytest.raises(tg.QueryError, match="nope"):
        _engine.execute("SELECT nope").to_arrow()


def test_an_error_in_the_middle_is_ours() -> None:
    pytest.importorskip("pyarrow")
    query = "SELECT 1 / (100000 - value) FROM generate_series(1, 200000)"
    for read in ("to_arrow", "to_pandas", "to_polars", "collect", "to_numpy"):
        if read == "to_polars":
            pytest.importorskip("polars")
        with pytest.raises(tg.TidegateError, match="(?i)divide"):
            getattr(_engine.execute(query), read)()


def test_polars() -> None:
    polars = pytest.importorskip("polars")
    frame = _engine.execute("SELECT value AS n, 'x' AS t FROM range(0, 10)").to_polars()
    assert isinstance(frame, polars.DataFrame)
    assert frame["n"].sum() == 45
    assert polars.DataFrame(_engine.execute("SELECT 1 AS a"))["a"].to_list() == [1]


def test_pandas_has_the_types_that_it_would_have_itself() -> None:
    pandas = pytest.importorskip("pandas")
    frame = _engine.execute(EVERY_TYPE).to_pandas()
    assert list(frame.columns)[:3] == ["b", "i8", "i16"]
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["b"] == "bool"
    assert (kinds["i8"], kinds["i64"], kinds["u8"], kinds["f32"]) == ("int8", "int64", "uint8", "float32")
    assert kinds["at"] == "datetime64[us]"
    assert kinds["utc"] == "datetime64[s, UTC]"
    assert frame["s"].iloc[0] == "text"
    assert frame["v"].iloc[0] == "view"
    assert frame["d"].iloc[0] == "dict"
    assert frame["at"].iloc[0] == pandas.Timestamp("2026-03-02T10:00:00.5")
    assert frame["list"].iloc[0] == [1, 2]
    assert frame["struct"].iloc[0] == {"a": 1}
    assert frame["day"].iloc[0] == datetime.date(2026, 3, 2)


def test_pandas_with_what_is_missing() -> None:
    pandas = pytest.importorskip("pandas")
    query = """
        SELECT CASE WHEN value % 3 = 0 THEN value END AS n, CASE WHEN value % 3 = 0 THEN value % 2 = 0 END AS b,
            CASE WHEN value % 3 = 0 THEN 'x' || value END AS t,
            CASE WHEN value % 3 = 0 THEN arrow_cast(value, 'Timestamp(Second, None)') END AS at
        FROM range(0, 30000)
    """
    frame = _engine.execute(query).to_pandas()
    assert len(frame) == 30_000
    for name in frame.columns:
        assert frame[name].isna().sum() == 20_000, name
    assert frame["n"].dtype == "float64"
    assert frame["n"].sum() == sum(range(0, 30000, 3))
    assert frame["t"].iloc[29997] == "x29997"
    assert frame["at"].iloc[3] == pandas.Timestamp(3, unit="s")
    frame.loc[0, "n"] = 7.0
    assert frame["n"].iloc[0] == 7.0


def test_pandas_without_rows_or_with_one_name_twice() -> None:
    pytest.importorskip("pandas")
    frame = _engine.execute("SELECT 1 AS a, 'x' AS t WHERE false").to_pandas()
    assert list(frame.columns) == ["a", "t"]
    assert len(frame) == 0


def test_numpy(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    query = "SELECT value AS a, value * 0.5 AS b FROM range(0, 50000)"
    matrix = _engine.execute(query).to_numpy()
    assert matrix.shape == (50_000, 2)
    assert matrix.dtype == "float64"
    assert matrix[49_999].tolist() == [49_999, 24_999.5]
    mapped = _engine.execute(query).to_numpy(out=tmp_path / "m.npy")
    assert isinstance(mapped, numpy.memmap)
    assert numpy.array_equal(mapped, matrix)
    assert numpy.array_equal(numpy.load(tmp_path / "m.npy"), matrix)
    whole = _engine.execute("SELECT value FROM range(0, 5)").to_numpy()
    assert whole.dtype == "int64"
    assert _engine.execute("SELECT value FROM range(0, 5)").to_numpy(dtype="float32").dtype == "float32"
    assert _engine.execute("SELECT value > 2 AS b FROM range(0, 5)").to_numpy().dtype == "bool"
    assert _engine.execute("SELECT 1 AS a, 'x' AS b").to_numpy().tolist() == [[1, "x"]]
    assert _engine.execute("SELECT 1 AS a WHERE false").to_numpy(out=tmp_path / "empty.npy").shape == (0, 1)


def test_a_matrix_with_what_is_missing(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    query = "SELECT CASE WHEN value > 1 THEN value END AS a FROM range(0, 4)"
    with pytest.raises(tg.UsageError, match="column `a` has NULLs"):
        _engine.execute(query).to_numpy()
    matrix = _engine.execute(query).to_numpy(dtype=float)
    assert numpy.isnan(matrix[:2]).all()
    assert matrix[2:].tolist() == [[2.0], [3.0]]


def test_a_matrix_that_fails_leaves_no_file(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    with pytest.raises(tg.TidegateError):
        _engine.execute("SELECT 1 / (5000 - value) AS a FROM range(0, 9000)").to_numpy(out=tmp_path / "m.npy")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(tg.UsageError, match="numbers"):
        _engine.execute("SELECT 'x' AS a").to_numpy(out=tmp_path / "m.npy")
    with pytest.raises(TypeError, match="^dtype: "):
        _engine.execute("SELECT 1 AS a").to_numpy(dtype="nope")
    with pytest.raises(TypeError, match="^out: "):
        _engine.execute("SELECT 1 AS a").to_numpy(out=1)  # type: ignore[arg-type]
