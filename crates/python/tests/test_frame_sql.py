"""The SQL that steps of a frame become. The engine is not needed: columns are given."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Callable

import pytest
import tidegate as tg
from tidegate import _engine

if TYPE_CHECKING:
    from collections.abc import Iterator

col = tg.col
COLUMNS = {"ts": "Timestamp(µs, UTC)", "client": "Utf8", "path": "Utf8", "status": "UInt16", "bytes": "Int64"}


class _Columns:
    """A result of which nothing is asked but its columns."""

    schema = COLUMNS


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give every query the same columns, and keep what was asked."""
    asked: list[str] = []

    def execute(sql: str, **_: object) -> Any:
        asked.append(sql)
        return _Columns()

    monkeypatch.setattr(_engine, "execute", execute)
    return iter([asked])


logs = tg.scan("a.log")

CASES: dict[str, tuple[Callable[[], tg.LazyFrame], str]] = {
    "nothing": (lambda: tg.scan("it's.log"), "SELECT *\nFROM 'it''s.log'"),
    "filters are conditions of one query": (
        lambda: logs.filter((col("status") == 500) & (col("bytes") > 1)).filter(
            (col("bytes") < 9) | col("path").is_null()
        ),
        "SELECT *\nFROM 'a.log'\nWHERE status = 500\n  AND bytes > 1\n  AND (bytes < 9 OR path IS NULL)",
    ),
    "a short column is written again": (
        lambda: logs.select("path", kb=col("bytes") / 1000).filter(col("kb") > 3),
        "SELECT path, CAST(bytes AS DOUBLE) / 1000.0 AS kb\nFROM 'a.log'\nWHERE CAST(bytes AS DOUBLE) / 1000.0 > 3",
    ),
    "a group after a column": (
        lambda: logs.with_columns(day=col("ts").dt.date()).group_by("day").len(),
        "SELECT CAST(ts AS DATE) AS day, count(*) AS len\nFROM 'a.log'\nGROUP BY CAST(ts AS DATE)",
    ),
    "having": (
        lambda: logs.group_by("path").agg(n=tg.len()).filter(col("n") >= 10).sort("n", descending=True).head(3),
        "SELECT path, count(*) AS n\nFROM 'a.log'\nGROUP BY path\nHAVING count(*) >= 10\n"
        "ORDER BY n DESC NULLS LAST\nLIMIT 3",
    ),
    "a group of groups": (
        lambda: logs.group_by("client", "path").len().group_by("client").agg(col("len").max()),
        "WITH step1 AS (\n  SELECT client, path, count(*) AS len\n  FROM 'a.log'\n  GROUP BY client, path\n)\n"
        "SELECT client, max(len) AS len\nFROM step1\nGROUP BY client",
    ),
    "aggregates of all rows": (
        lambda: logs.select(tg.len().alias("n"), col("bytes").max()),
        "SELECT count(*) AS n, max(bytes) AS bytes\nFROM 'a.log'",
    ),
    "aggregates beside rows are windows": (
        lambda: logs.select("path", share=col("bytes") / col("bytes").sum(min_count=1)),
        "SELECT path, CAST(bytes AS DOUBLE) / CAST(sum(bytes) OVER () AS DOUBLE) AS share\nFROM 'a.log'",
    ),
    "a filter by a window": (
        lambda: logs.filter(col("bytes") > col("bytes").mean().over("path")),
        "SELECT *\nFROM 'a.log'\nQUALIFY bytes > avg(bytes) OVER (PARTITION BY path)",
    ),
    "a filter after a window sees all its rows": (
        lambda: logs.select("path", r=col("bytes").max().over("path")).filter(col("path") == "/"),
        "WITH step1 AS (\n  SELECT path, max(bytes) OVER (PARTITION BY path) AS r\n  FROM 'a.log'\n)\n"
        "SELECT *\nFROM step1\nWHERE path = '/'",
    ),
    "a filter after a limit": (
        lambda: logs.head(10).filter(col("status") == 1),
        "WITH step1 AS (\n  SELECT *\n  FROM 'a.log'\n  LIMIT 10\n)\nSELECT *\nFROM step1\nWHERE status = 1",
    ),
    "rows of rows": (lambda: logs.slice(5, 10).slice(2, 20).head(3), "SELECT *\nFROM 'a.log'\nLIMIT 3\nOFFSET 7"),
    "an order is kept by a filter": (
        lambda: logs.sort("ts").filter(col("status") == 1).select("path"),
        "SELECT path\nFROM 'a.log'\nWHERE status = 1\nORDER BY ts",
    ),
    "an order is kept where its column is gone": (
        lambda: logs.sort("ts").select("path").head(2).filter(col("path") != "/"),
        "WITH step1 AS (\n  SELECT path, ts AS _order_1\n  FROM 'a.log'\n  ORDER BY ts\n  LIMIT 2\n)\n"
        "SELECT path\nFROM step1\nWHERE path <> '/'\nORDER BY _order_1",
    ),
    "an order is kept where its column is another": (
        lambda: logs.sort("ts").select("path", ts=col("bytes")),
        "WITH step1 AS (\n  SELECT *, ts AS _order_1\n  FROM 'a.log'\n)\n"
        "SELECT path, bytes AS ts\nFROM step1\nORDER BY _order_1",
    ),
    "a column is computed in its place": (
        lambda: logs.with_columns(col("path").str.to_uppercase()),
        "SELECT ts, client, upper(path) AS path, status, bytes\nFROM 'a.log'",
    ),
    "columns of columns": (
        lambda: logs.select("path", x=col("bytes") + 1).with_columns(y=col("x") * 2),
        "SELECT path, bytes + 1 AS x, (bytes + 1) * 2 AS y\nFROM 'a.log'",
    ),
    "unsigned numbers get a sign": (
        lambda: logs.select(x=col("status") - col("status").min(), y=col("status") - 200),
        "SELECT CAST(status AS BIGINT) - min(status) OVER () AS x, status - 200 AS y\nFROM 'a.log'",
    ),
    "rename and drop": (
        lambda: logs.rename({"path": "p"}).drop("ts", "bytes"),
        "SELECT client, path AS p, status\nFROM 'a.log'",
    ),
    "all but": (lambda: logs.select(tg.exclude("ts", "client")), "SELECT path, status, bytes\nFROM 'a.log'"),
    "unique": (lambda: logs.select("path").unique(), "SELECT DISTINCT path\nFROM 'a.log'"),
    "unique by some": (lambda: logs.unique("path"), "SELECT DISTINCT ON (path) *\nFROM 'a.log'"),
    "the last by some": (
        lambda: logs.sort("ts").unique("path", keep="last"),
        "SELECT *\nFROM 'a.log'\n"
        "QUALIFY row_number() OVER (PARTITION BY path ORDER BY ts DESC NULLS FIRST) = 1\nORDER BY ts",
    ),
    "tail": (
        lambda: logs.sort("ts").tail(3),
        "WITH step1 AS (\n  SELECT *\n  FROM 'a.log'\n  ORDER BY ts DESC NULLS FIRST\n  LIMIT 3\n)\n"
        "SELECT *\nFROM step1\nORDER BY ts",
    ),
    "a sample that can be repeated": (
        lambda: logs.sample(fraction=0.5, seed=7),
        "SELECT *\nFROM 'a.log'\nWHERE md5(concat(_file, ':', _offset, ':', '7')) < '80000000'",
    ),
    "join": (
        lambda: logs.select("client", "bytes").join(
            logs.group_by("client").agg(col("bytes").max()), on="client", how="left"
        ),
        "WITH step1 AS (\n  SELECT client, bytes\n  FROM 'a.log'\n), step2 AS (\n"
        "  SELECT client, max(bytes) AS bytes\n  FROM 'a.log'\n  GROUP BY client\n)\n"
        "SELECT l.client, l.bytes, r.bytes AS bytes_right\nFROM step1 AS l\n"
        "LEFT JOIN step2 AS r ON l.client = r.client",
    ),
    "full join": (
        lambda: logs.select("client").join(logs.select("client", "path"), on="client", how="full"),
        "WITH step1 AS (\n  SELECT client\n  FROM 'a.log'\n), step2 AS (\n  SELECT client, path\n  FROM 'a.log'\n)\n"
        "SELECT coalesce(l.client, r.client) AS client, r.path\n"
        "FROM step1 AS l\nFULL JOIN step2 AS r ON l.client = r.client",
    ),
    "semi join": (
        lambda: logs.join(tg.scan("b.csv"), left_on="client", right_on=col("path").str.to_lowercase(), how="semi"),
        "SELECT *\nFROM 'a.log' AS l\nLEFT SEMI JOIN 'b.csv' AS r ON l.client = lower(r.path)",
    ),
    "sql over a frame": (
        lambda: logs.filter(col("status") == 1).sql("WITH x AS (SELECT * FROM self) SELECT path FROM x;").head(2),
        "WITH step1 AS (\n  WITH self AS (\n    SELECT *\n    FROM 'a.log'\n    WHERE status = 1\n  ), "
        "x AS (SELECT * FROM self) SELECT path FROM x\n)\nSELECT *\nFROM step1\nLIMIT 2",
    ),
    "names of steps are those of nobody else": (
        lambda: tg.sql("SELECT * FROM 'step1.log'").filter(col("status") == 1),
        "WITH step_1 AS (\n  SELECT * FROM 'step1.log'\n)\nSELECT *\nFROM step_1\nWHERE status = 1",
    ),
    "a number is no column's number": (
        lambda: logs.group_by(x=tg.lit(1)).len(),
        "SELECT 1 AS x, count(*) AS len\nFROM 'a.log'\nGROUP BY coalesce(1)",
    ),
    "a line of a file": (
        lambda: logs.filter(col("_line") > 5).select("_file", "_line"),
        "SELECT _file, _line\nFROM 'a.log'\nWHERE _line > 5",
    ),
    "names as in pandas": (
        lambda: logs[logs.status == 500][["path", "bytes"]].groupby("path").agg({"bytes": ["min", "size"]}),
        "SELECT path, min(bytes) AS bytes_min, count(*) AS bytes_size\nFROM 'a.log'\nWHERE status = 500\nGROUP BY path",
    ),
    "pairs as in pandas": (
        lambda: logs.groupby("path").agg(n=("bytes", "size"), most=("bytes", "max")).sort_values("n", ascending=False),
        "SELECT path, count(*) AS n, max(bytes) AS most\nFROM 'a.log'\nGROUP BY path\nORDER BY n DESC NULLS LAST",
    ),
    "assign as in pandas": (
        lambda: logs.select("bytes").assign(kb=lambda df: df.bytes * 2),
        "SELECT bytes, bytes * 2 AS kb\nFROM 'a.log'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_steps_are_readable_sql(name: str) -> None:
    build, expected = CASES[name]
    assert build().sql_text == expected


def test_columns_are_asked_for_once(asked: Iterator[list[str]]) -> None:
    questions = next(asked)
    frame = tg.scan("b.log")
    assert frame.filter(col("status") == 1).select("path").sql_text
    assert questions == []
    assert frame.rename({"path": "p"}).columns == ["ts", "client", "p", "status", "bytes"]
    assert frame.drop("path").with_columns(x=1).columns == ["ts", "client", "status", "bytes", "x"]
    assert questions == ["SELECT * FROM 'b.log' LIMIT 0"]


def test_a_long_chain_of_steps() -> None:
    frame = logs.select("bytes", x=col("bytes"))
    for _ in range(300):
        frame = frame.with_columns(x=col("x") + 1)
    assert frame.columns == ["bytes", "x"]
    assert frame.sql_text.count("SELECT") < 50


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: logs.select("stauts"), "no column `stauts`\nhelp: did you mean `status`"),
        (lambda: logs.filter(col("Path") == 1), "did you mean `path`"),
        (lambda: logs.drop("x"), "the columns are `ts`, `client`"),
        (lambda: logs.rename({"x": "y"}), "no column `x`"),
        (lambda: logs.sort("byte").select("ts"), "`bytes`"),
        (lambda: logs.group_by("client").agg(col("byts").sum()), "`bytes`"),
        (lambda: logs.group_by("client").len().filter(col("status") == 1), "no column `status`"),
        (lambda: logs.join(logs, on="cient"), "`client`"),
        (lambda: logs.unique("cient"), "`client`"),
    ],
)
def test_an_unknown_column_is_told_with_the_nearest(call: Callable[[], tg.LazyFrame], message: str) -> None:
    assert logs.columns
    with pytest.raises(tg.QueryError) as error:
        _ = call().sql_text
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: tg.scan(3), "source"),
        (lambda: tg.scan(b"a"), "source"),
        (lambda: tg.scan("a", format=3), "format"),
        (lambda: tg.scan("a", limit=[1]), "limit"),
        (lambda: tg.scan("a", threads="2"), "threads"),
        (lambda: tg.scan("a", max_rejects=1.5), "max_rejects"),
        (lambda: tg.scan("a", header="yes", format="csv"), "header"),
        (lambda: tg.scan("a", types=3, format="csv"), "types"),
        (lambda: tg.scan("a", "combined"), "positional"),
        (lambda: tg.scan("a", fromat="csv"), "fromat"),
        (lambda: tg.sql(3), "query"),
        (lambda: tg.register(3, None), "name"),
        (lambda: tg.register("ok", [1]), "data"),
        (lambda: tg.table(3), "name"),
        (lambda: logs.select(3), "exprs"),
        (lambda: logs.select(), "at least one"),
        (lambda: logs.filter("status = 1"), "conditions"),
        (lambda: logs.filter(True), "conditions"),  # noqa: FBT003
        (lambda: logs.sort(3), "by"),
        (lambda: logs.sort("a", descending="yes"), "descending"),
        (lambda: logs.head("3"), "n is"),
        (lambda: logs.slice(0, 1.5), "length"),
        (lambda: logs.slice("1"), "offset"),
        (lambda: logs.sample(), "n or fraction"),
        (lambda: logs.sample(n="3"), "n "),
        (lambda: logs.sample(fraction="x"), "fraction"),
        (lambda: logs.group_by(3), "exprs"),
        (lambda: logs.group_by("a").agg("b"), "agg"),
        (lambda: logs.group_by("path").agg(col("bytes")).sql_text, "one value for each group"),
        (lambda: logs.group_by("a").len(3), "name"),
        (lambda: logs.join("b", on="c"), "other"),
        (lambda: logs.join(logs), "on"),
        (lambda: logs.join(logs, on="a", left_on="b"), "on"),
        (lambda: logs.join(logs, on="a", suffix=3), "suffix"),
        (lambda: logs.rename(3), "mapping"),
        (lambda: logs.rename({"a": 3}), "mapping"),
        (lambda: logs.drop(3), "columns"),
        (lambda: logs.unique(3), "subset"),
        (lambda: logs.map_batches(3), "function"),
        (lambda: logs.write_csv(3), "path"),
        (lambda: logs[3], "key"),
        (lambda: bool(logs), "truth value"),
        (lambda: len(logs), "count"),
        (lambda: list(logs), "iter_batches"),
        (lambda: logs.select(col("bytes").shift(1)).sql_text, "order_by"),
        (lambda: logs.select(col("bytes").filter(col("status") == 1)).sql_text, "aggregate after it"),
        (lambda: logs.select(col("bytes").sum().max()).sql_text, "within an aggregate"),
        (lambda: logs.select(tg.all() + 1).sql_text, "stand alone"),
        (lambda: logs.filter(col("a") == 1 and col("b") == 2), "use `&`"),
    ],
)
def test_a_wrong_type_names_the_argument(call: Callable[[], object], argument: str) -> None:
    with pytest.raises(TypeError) as error:
        call()
    assert argument in str(error.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: tg.scan(""),
        lambda: tg.scan([]),
        lambda: tg.scan(["a", "b"]),
        lambda: tg.scan("a", format="xml"),
        lambda: tg.scan("a\ud800"),
        lambda: tg.sql(" ; "),
        lambda: tg.register("a b", logs),
        lambda: tg.register("select", logs),
        lambda: tg.table("nowhere"),
        lambda: tg.unregister("nowhere"),
        lambda: logs.head(-1),
        lambda: logs.sample(fraction=2),
        lambda: logs.unique(keep="some"),
        lambda: logs.unique("path", keep="first").sql_text,
        lambda: logs.tail(3).sql_text,
        lambda: logs.join(logs, on="a", how="sideways"),
        lambda: logs.join(logs, left_on=["a", "b"], right_on="a"),
        lambda: logs.select("path", "path").sql_text,
        lambda: logs.group_by("path").agg({"bytes": "average"}),
        lambda: logs.sql("SELECT 1 FROM self").sample(fraction=0.1, seed=1).sql_text,
    ],
)
def test_a_wrong_value_is_a_value_error(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        call()


def test_a_frame_is_shown_without_a_query(asked: Iterator[list[str]]) -> None:
    frame = tg.scan("b.log", limit="1GB").filter(col("status") == 1).group_by("path").len()
    shown = repr(frame)
    assert shown.split("\n")[0] == "<tidegate frame, limit='1GB': not run"
    assert "group_by path" in shown
    assert next(asked) == []


def test_what_pandas_calls_otherwise_is_told() -> None:
    with pytest.raises(AttributeError, match=r"\.join"):
        _ = logs.merge
    with pytest.raises(AttributeError, match="did you mean .*to_pandas"):
        _ = logs.to_panda
    with pytest.raises(AttributeError, match="did you mean .*status"):
        _ = logs.statuss
    with pytest.raises(TypeError, match="with_columns"):
        logs["x"] = col("bytes")
    assert "path" in dir(logs)


def test_a_frame_can_be_sent_to_another_process() -> None:
    frame = tg.scan("a.log", limit="1GB").filter(col("status") == 1).group_by("path").agg(n=tg.len()).sort("n")
    again = pickle.loads(pickle.dumps(frame))  # noqa: S301
    assert again.sql_text == frame.sql_text
    assert repr(again) == repr(frame)
