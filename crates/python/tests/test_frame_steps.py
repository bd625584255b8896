"""Steps after steps, run: what each chain answers, and what results of frames give."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Callable

import pytest
import tidegate as tg
from tidegate import _frame_run

if TYPE_CHECKING:
    from pathlib import Path

col = tg.col

CSV = "a,b,k\n1,2,x\n9,8,y\n5,5,x\n"


@pytest.fixture
def frame(tmp_path: Path) -> tg.LazyFrame:
    path = tmp_path / "small.csv"
    path.write_text(CSV)
    return tg.scan(path, limit="256MB")


CHAINS: dict[str, tuple[Callable[[tg.LazyFrame], tg.LazyFrame], list[tuple[Any, ...]]]] = {
    "a constant of one row": (lambda f: f.select(n=tg.len()).select(x=tg.lit(1)), [(1,)]),
    "a filter of one row": (lambda f: f.select(n=tg.len()).filter(col("n") > 5), []),
    "a column beside one row": (lambda f: f.select(n=tg.len()).with_columns(m=col("n") + 1), [(3, 4)]),
    "an order by what is gone": (
        lambda f: f.group_by("k").agg(m=col("b").sum()).sort("m", descending=True).select("k"),
        [("y",), ("x",)],
    ),
    "an order by an expression of an aggregate": (
        lambda f: f.group_by("k").agg(m=col("b").sum()).sort(col("m") * -1).select("k").head(1),
        [("y",)],
    ),
    "columns that change places": (
        lambda f: f.rename({"a": "b", "b": "a"}).sort("b").select("a", "b"),
        [(2, 1), (5, 5), (8, 9)],
    ),
    "columns of each other": (
        lambda f: f.select("a", "b").with_columns(b=col("a"), a=col("b")).sort("a"),
        [(2, 1), (5, 5), (8, 9)],
    ),
    "a column that is ordered by changes": (
        lambda f: f.sort("a").with_columns(a=-col("a")).select("a").head(2),
        [(-1,), (-5,)],
    ),
    "a key that changes its name's meaning": (
        lambda f: f.group_by((col("a") > 4).alias("a")).agg(col("a").sum().alias("b")).sort("a"),
        [(False, 1), (True, 14)],
    ),
    "a window, then its rows": (
        lambda f: f.with_columns(r=col("a").rank("ordinal").over("k")).filter(col("r") == 1).sort("a").select("a", "r"),
        [(1, 1), (9, 1)],
    ),
    "row numbers": (
        lambda f: f.with_columns(r=tg.row_number().over(order_by="a")).sort("r", descending=True).select("a", "r"),
        [(9, 3), (5, 2), (1, 1)],
    ),
    "rows above the mean": (lambda f: f.filter(col("a") >= col("a").mean()).select("a").sort("a"), [(5,), (9,)]),
    "rows above the mean of what is left": (
        lambda f: f.filter(col("k") == "x").filter(col("a") > col("a").mean()).filter(col("b") > 0).select("a"),
        [(5,)],
    ),
    "a join with itself": (
        lambda f: f.join(f.group_by("k").agg(most=col("a").max()), on="k").filter(col("a") == col("most")).sort("a"),
        [(5, 5, "x", 5), (9, 8, "y", 9)],
    ),
    "a cross join": (
        lambda f: f.select("a").join(f.select("k").unique(), how="cross").group_by("k").len().sort("k"),
        [("x", 3), ("y", 3)],
    ),
    "rows without a partner": (
        lambda f: f.join(f.filter(col("a") > 4), on="a", how="anti").select("a"),
        [(1,)],
    ),
    "different groups": (lambda f: f.group_by("k").agg(n=tg.lit(1)).unique().sort("k"), [("x", 1), ("y", 1)]),
    "sql over sql": (
        lambda f: f.sql("SELECT k, count(*) AS n FROM self GROUP BY k").sql("SELECT max(n) AS n FROM self"),
        [(2,)],
    ),
    "sql with a comment at its end": (
        lambda f: f.sql("SELECT a FROM self -- all").filter(col("a") > 5),
        [(9,)],
    ),
    "sql within a step": (
        lambda f: f.with_columns(z=tg.sql_expr("a + b")).filter(col("z") > 9).select("z").sort("z"),
        [(10,), (17,)],
    ),
    "a place in a file": (lambda f: f.sort("_line", descending=True).select("a").head(1), [(5,)]),
    "places in a file after a limit": (
        lambda f: f.sort("_line").head(2).filter(col("a") > 0).select("a"),
        [(1,), (9,)],
    ),
    "a number is no place of a column": (
        lambda f: f.group_by(x=tg.lit(2)).len().sort(tg.lit(1)),
        [(2, 3)],
    ),
    "no rows": (lambda f: f.head(0), []),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_of_steps(frame: tg.LazyFrame, name: str) -> None:
    build, expected = CHAINS[name]
    chain = build(frame)
    assert chain.collect().rows() == expected, chain.sql_text


def test_a_long_chain_runs(frame: tg.LazyFrame) -> None:
    chain = frame.select("a", x=col("b"))
    for at in range(200):
        chain = chain.filter(col("x") != at + 10000).with_columns(x=col("x") + col("a"))
    assert chain.sort("a").collect().rows() == [(1, 202), (5, 1005), (9, 1808)]


def test_results_of_a_frame(frame: tg.LazyFrame, tmp_path: Path) -> None:
    ordered = frame.sort("a")
    assert ordered.count() == 3
    assert ordered.columns == ["a", "b", "k"]
    assert ordered.schema == {"a": "Int64", "b": "Int64", "k": "Utf8"}
    assert frame.select(x=col("a") / 2, n=tg.len()).schema == {"x": "Float64", "n": "Int64"}
    assert [row for batch in ordered.iter_batches() for row in batch.rows()] == [(1, 2, "x"), (5, 5, "x"), (9, 8, "y")]
    assert asyncio.run(ordered.collect_async()).rows() == ordered.collect().rows()
    ordered.write_csv(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "a,b,k\n1,2,x\n5,5,x\n9,8,y\n"
    ordered.write_ndjson(str(tmp_path / "out.ndjson"))
    assert (tmp_path / "out.ndjson").read_text().splitlines()[0] == '{"a":1,"b":2,"k":"x"}'
    ordered.write_parquet(tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").stat().st_size > 0
    assert "Sort" in ordered.explain()
    assert ordered.explain(memory=True)


def test_other_libraries_take_a_frame(frame: tg.LazyFrame) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    assert pyarrow.table(frame.sort("a")).column("a").to_pylist() == [1, 5, 9]
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(frame.sort("a"))["b"].to_list() == [2, 5, 8]
    pytest.importorskip("pandas")
    assert frame.sort("a").to_pandas()["k"].tolist() == ["x", "x", "y"]
    assert frame.select("a", "b").sort("a").to_numpy().tolist() == [[1, 2], [5, 5], [9, 8]]


def test_a_frame_is_shown_with_rows_of_its_source(frame: tg.LazyFrame) -> None:
    shown = frame.filter(col("k") == "<script>").group_by("k").len()._repr_html_()
    assert "<li><code>group_by k</code></li>" in shown
    assert ">9<" in shown
    assert "no such file" not in shown
    assert "&lt;" in tg.sql("SELECT '<b>' AS x")._repr_html_()
    missing = tg.scan("/nowhere/at/all.log")
    assert "all.log" in missing._repr_html_()
    assert not hasattr(missing, "foo")


def test_registered_tables(frame: tg.LazyFrame) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    names = tg.register("names_of_k", pyarrow.table({"k": ["x", "y"], "name": ["ex", "why"]}))
    try:
        assert names.columns == ["k", "name"]
        joined = frame.join(names, on="k").sort("a").select("a", "name")
        assert joined.collect().rows() == [(1, "ex"), (5, "ex"), (9, "why")]
        asked = frame.sql("SELECT max(a) AS a, name FROM self JOIN names_of_k USING (k) GROUP BY name ORDER BY a")
        assert asked.collect().rows() == [(5, "ex"), (9, "why")]
        assert frame.filter(tg.sql_expr("k IN (SELECT k FROM names_of_k WHERE name = 'why')")).count() == 1
        assert tg.table("names_of_k").count() == 2
    finally:
        tg.unregister("names_of_k")
    with pytest.raises(tg.TidegateError):
        tg.sql("SELECT * FROM names_of_k").collect()


def test_what_cannot_change_is_written_once() -> None:
    table = tg.sql("SELECT 1 AS n").collect()
    names = tg.register("once", table)
    try:
        assert names.count() == 1
        written = _frame_run._written["once"]
        assert names.filter(tg.col("n") == 1).count() == 1
        assert _frame_run._written["once"] is written
        tg.register("once", tg.sql("SELECT 2 AS n").collect())
        assert names.collect().item() == 2
    finally:
        tg.unregister("once")
    assert "once" not in _frame_run._written


@pytest.mark.parametrize("sql", ["SELECT * FROM Names", "SELECT * FROM names", 'SELECT * FROM "Names"'])
def test_a_name_with_capitals(sql: str) -> None:
    names = tg.register("Names", tg.sql("SELECT 1 AS n").collect())
    try:
        assert tg.sql(sql).collect().rows() == names.collect().rows() == [(1,)]
    finally:
        tg.unregister("Names")


def test_a_function_between_steps(frame: tg.LazyFrame) -> None:
    pyarrow = pytest.importorskip("pyarrow")

    def twice(batch: Any) -> Any:
        return pyarrow.table({"a": [value * 2 for value in batch.column("a").to_pylist()]})

    mapped = frame.map_batches(twice, schema={"a": "int64"})
    assert sorted(mapped.collect().rows()) == [(2,), (10,), (18,)]
    assert mapped.filter(col("a") > 2).select(col("a").sum()).collect().rows() == [(28,)]
    again = mapped.sort("a").map_batches(twice).map_batches(twice).filter(col("a") > 8).sort("a")
    assert again.collect().rows() == [(40,), (72,)]
    assert mapped.count() == 3
    assert "map_batches" in repr(mapped.head(1))

    def fails(batch: Any) -> Any:
        raise KeyError("of mine")

    with pytest.raises(KeyError, match="of mine"):
        frame.map_batches(fails, schema={"a": "int64"}).collect()


def test_an_order_of_a_join_whose_column_changes(frame: tg.LazyFrame) -> None:
    joined = frame.join(frame.select("k", "b").unique("k"), on="k").sort("a", descending=True)
    changed = joined.with_columns(a=col("a") * -1).head(2).select("a")
    assert changed.collect().rows() == [(-9,), (-5,)], changed.sql_text
