"""What expressions become as SQL, and what they refuse. No engine is needed."""

from __future__ import annotations

import datetime
import decimal
import math
import pickle

import pytest
import tidegate as tg
from tidegate._sql_text import identifier, indent, interval, literal, table, text, with_tables, without_end

a, b, s, ts = tg.col("a"), tg.col("b"), tg.col("s"), tg.col("ts")


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ((a == 1) & (b > 2) | ~(s == "x"), "a = 1 AND b > 2 OR NOT s = 'x'"),
        ((a == 1) & ((b > 2) | (b < 0)), "a = 1 AND (b > 2 OR b < 0)"),
        (~((a == 1) & (b == 2)), "NOT (a = 1 AND b = 2)"),
        ((a == 1) == (b == 2), "(a = 1) = (b = 2)"),
        ((a == 1).is_null(), "(a = 1) IS NULL"),
        (a - (b - 1) - 2, "a - (b - 1) - 2"),
        (a * (b + 1), "a * (b + 1)"),
        (-(-a), "-(-a)"),
        (a - -1, "a - -1"),
        (1 - a, "1 - a"),
        (a / 2, "CAST(a AS DOUBLE) / 2.0"),
        (a / b, "CAST(a AS DOUBLE) / CAST(b AS DOUBLE)"),
        (a % 7, "(a % 7 + 7) % 7"),
        (2**a, "power(CAST(2 AS DOUBLE), CAST(a AS DOUBLE))"),
        (s + "x", "s || 'x'"),
        ("x" + s + "y", "('x' || s) || 'y'"),
        (a.is_in([1, 2, None]), "a IN (1, 2)"),
        (~a.is_in((1,)), "NOT a IN (1)"),
        (s.is_in({"b", "a"}), "s IN ('a', 'b')"),
        (a.is_between(1, b), "a BETWEEN 1 AND b"),
        (a.is_between(1, 2, closed="left"), "a >= 1 AND a < 2"),
        (a.fill_null(0) + 1, "coalesce(a, 0) + 1"),
        (a.cast("float32"), "CAST(a AS REAL)"),
        (a.cast(int, strict=False), "TRY_CAST(a AS BIGINT)"),
        (a.sum(), "coalesce(sum(a), 0)"),
        ((a > 1).sum(), "coalesce(sum(CAST(a > 1 AS BIGINT)), 0)"),
        ((a > 1).mean(), "avg(CAST(a > 1 AS BIGINT))"),
        (a.filter((b > 1) | (b < 0)).max(), "max(a) FILTER (WHERE b > 1 OR b < 0)"),
        (a.filter(b > 1).len(), "count(*) FILTER (WHERE b > 1)"),
        (a.std(), "stddev_samp(a)"),
        (a.var(ddof=0), "var_pop(a)"),
        (a.mean().over("b"), "avg(a) OVER (PARTITION BY b)"),
        ((a - a.mean()).over("b", s), "a - avg(a) OVER (PARTITION BY b, s)"),
        (a.shift(-1).over(order_by="ts", descending=True), "lead(a, 1) OVER (ORDER BY ts DESC NULLS LAST)"),
        (
            a.rolling_mean(3, min_samples=1).over(order_by="ts"),
            "CASE WHEN count(a) OVER (ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) >= 1 "
            "THEN avg(a) OVER (ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) END",
        ),
        (s.str.contains("curl"), "s LIKE '%curl%'"),
        (s.str.contains("5%"), "contains(s, '5%')"),
        (s.str.contains("a.c"), "regexp_like(s, 'a.c')"),
        (s.str.contains("a.c", literal=True), "s LIKE '%a.c%'"),
        (s.str.starts_with("/api/"), "s LIKE '/api/%'"),
        (s.str.ends_with("_"), "ends_with(s, '_')"),
        (s.str.replace("a.", "<$0>"), "regexp_replace(s, 'a.', '<$0>')"),
        (s.str.replace_all("a", "b", literal=True), "replace(s, 'a', 'b')"),
        (s.str.split("/").list.get(-1), "string_to_array(s, '/')[-1]"),
        (ts.dt.truncate("1h"), "date_trunc('hour', ts)"),
        (ts.dt.truncate("15m"), "date_bin(INTERVAL '900 seconds', ts)"),
        (ts.dt.floor("15min"), "date_bin(INTERVAL '900 seconds', ts)"),
        (ts.dt.truncate("2q"), "date_bin(INTERVAL '6 months', ts)"),
        (ts.dt.offset_by("1mo2d"), "ts + INTERVAL '1 months 172800 seconds'"),
        (tg.when(a > 1).then(s).otherwise(None), "CASE WHEN a > 1 THEN s ELSE NULL END"),
        (tg.concat_str("a", s, separator="-", ignore_nulls=True), "concat_ws('-', a, s)"),
        (tg.len() > 10, "count(*) > 10"),
        (tg.sql_expr("x + 1;") * 2, "(x + 1) * 2"),
    ],
)
def test_an_expression_is_readable_sql(expr: tg.Expr, expected: str) -> None:
    assert str(expr) == expected


def test_long_chains_do_not_recurse() -> None:
    condition = a == 0
    for value in range(1, 3000):
        condition = condition | (a == value)
    assert str(condition).count(" OR ") == 2999
    total = a
    for _ in range(3000):
        total = total + 1
    assert total.output_name == "a"
    assert str(total).count("+") == 3000


@pytest.mark.parametrize(
    ("expr", "name"),
    [
        (a + b, "a"),
        (1 + b, "literal"),
        (b.sum().over("a"), "b"),
        (tg.when(a > 1).then(b).otherwise(0), "b"),
        (tg.len(), "len"),
        (a.len(), "a"),
        (a.clip(0, 1), "a"),
        (s.str.len_chars().alias("n"), "n"),
        (tg.col("r").struct.field("path"), "path"),
    ],
)
def test_a_column_is_named_as_in_polars(expr: tg.Expr, name: str) -> None:
    assert expr.output_name == name


def test_what_is_no_truth_value_says_so() -> None:
    with pytest.raises(TypeError, match="use `&` for `and`"):
        bool(a == 1)
    with pytest.raises(TypeError, match="use `&` for `and`"):
        _ = (a == 1) and (b == 2)
    with pytest.raises(TypeError, match="is_between"):
        _ = 1 < a < 3
    with pytest.raises(TypeError, match="is_in"):
        _ = a in [1, b]
    with pytest.raises(TypeError, match="loop"):
        list(a)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="comparisons need brackets"):
        _ = (a == 1) & 2


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: a.cast("no type"), "dtype"),
        (lambda: a.is_in("text"), "values"),
        (lambda: a.is_in(3), "values"),
        (lambda: a == [1], "the other side"),
        (lambda: a + {}, "the right side of +"),
        (lambda: a.fill_null(object()), "value"),
        (lambda: s.str.contains(3), "pattern"),
        (lambda: s.str.slice("1"), "offset"),
        (lambda: a.alias(3), "name"),
        (lambda: a.round(1.5), "decimals"),
        (lambda: a.quantile("x"), "quantile"),
        (lambda: a.over(3), "partition_by"),
        (lambda: a.over("b", order_by=3), "order_by"),
        (lambda: tg.col(3), "name"),
        (lambda: tg.lit([1]), "value"),
        (lambda: tg.when(True), "condition"),  # noqa: FBT003
        (lambda: tg.coalesce(3), "exprs"),
        (lambda: a.replace([1]), "mapping"),
        (lambda: a == None, r"is_null"),  # noqa: E711
    ],
)
def test_a_wrong_type_names_the_argument(call: object, argument: str) -> None:
    with pytest.raises(TypeError, match=argument.replace("+", r"\+")):
        call()  # type: ignore[operator]


@pytest.mark.parametrize(
    "call",
    [
        lambda: a.is_between(1, 2, closed="x"),
        lambda: a.quantile(1.5),
        lambda: a.quantile(0.5, interpolation="nearest"),
        lambda: a.std(ddof=2),
        lambda: a.rank("average"),
        lambda: ts.dt.truncate("5 minutes"),
        lambda: ts.dt.truncate("0m"),
        lambda: ts.dt.truncate("1h5m"),
        lambda: ts.dt.epoch("min"),
        lambda: s.str.slice(1, -1),
        lambda: a == 2**64,
        lambda: s == "\ud800",
    ],
)
def test_a_wrong_value_is_a_value_error(call: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        call()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (True, "true"),
        (-(2**63), "CAST('-9223372036854775808' AS BIGINT)"),
        (2**64 - 1, "18446744073709551615"),
        (1e100, "1e+100"),
        (math.inf, "CAST('Infinity' AS DOUBLE)"),
        (-math.inf, "CAST('-Infinity' AS DOUBLE)"),
        ("it's\n\\", "'it''s\n\\'"),
        (b"\x00\xff", "X'00ff'"),
        (decimal.Decimal("-1.50"), "CAST('-1.50' AS DECIMAL(38, 2))"),
        (datetime.date(2026, 3, 2), "DATE '2026-03-02'"),
        (datetime.datetime(2026, 3, 2, 1, 2, 3), "TIMESTAMP '2026-03-02T01:02:03'"),
        (
            datetime.datetime(2026, 3, 2, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            "TIMESTAMP '2026-03-02T00:00:00Z'",
        ),
        (datetime.timedelta(seconds=-1, microseconds=1), "INTERVAL '-999999 microseconds'"),
    ],
)
def test_a_value_is_sql(value: object, expected: str) -> None:
    assert literal(value) == expected


def test_names_and_texts_stay_what_they_are() -> None:
    assert [identifier(name) for name in ("status", "Status", "user", "a b", "", "é", 'x"; DROP')] == [
        "status",
        '"Status"',
        '"user"',
        '"a b"',
        '""',
        '"é"',
        '"x""; DROP"',
    ]
    assert text("'; DROP TABLE x; --") == "'''; DROP TABLE x; --'"
    assert table(["it's.log"]) == "'it''s.log'"
    assert table(["a", "b"], format="tsv", types="x int16", header=False) == (
        "csv('a', 'b', types => 'x int16', delimiter => '\t', header => false)"
    )
    assert interval() == "INTERVAL '0 seconds'"
    assert without_end(" SELECT 1;; \n") == "SELECT 1"


def test_a_line_end_in_quotes_is_not_moved() -> None:
    sql = "SELECT 'a\nb', \"c\nd\" -- it's\nFROM t"
    assert indent(sql) == "  SELECT 'a\nb', \"c\nd\" -- it's\n  FROM t"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", "WITH self AS (\n  X\n)\nSELECT 1"),
        ("with b AS (SELECT 2) SELECT 1", "WITH self AS (\n  X\n), b AS (SELECT 2) SELECT 1"),
        ("-- with\n/* x */ WITH RECURSIVE b AS (2) S", "-- with\n/* x */ WITH RECURSIVE self AS (\n  X\n), b AS (2) S"),
        ("within", "WITH self AS (\n  X\n)\nwithin"),
    ],
)
def test_a_query_with_its_own_with(sql: str, expected: str) -> None:
    assert with_tables([("self", "X")], sql) == expected


def test_expressions_can_be_sent_to_another_process() -> None:
    expr = ((a.sum().over("b", order_by=s) > 1) & s.str.contains("x")).alias("y")
    again = pickle.loads(pickle.dumps(expr))  # noqa: S301
    assert str(again) == str(expr)
    assert again.output_name == "y"


def test_what_pandas_calls_otherwise_is_told() -> None:
    with pytest.raises(AttributeError, match="group_by"):
        _ = a.value_counts
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        _ = a.foo
    assert str(a.isin([1])) == str(a.is_in([1]))
    assert str(a.isna()) == "a IS NULL"
