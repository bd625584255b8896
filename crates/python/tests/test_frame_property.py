"""Random expressions against pandas, and random chains of steps against Polars, over random small frames."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any, Callable

import pytest
from frame_support import plain, rows_of, same, to_pandas, to_polars, write_csv

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pytest.importorskip("pyarrow")

import tidegate as tg  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

# More of them for whoever looks for something rare.
ROUNDS = int(os.environ.get("TIDEGATE_TEST_ROUNDS", "3"))
EXPRESSIONS = 60
WORDS = ["", "a", "b", "ab", "Ab", "naïve", "日本", "a b", "it's", 'say "hi"', "50%", "x_y", "a\\b", "line\nend", "a.b"]


def _frame(chance: random.Random, rows: int) -> dict[str, tuple[str, list[Any]]]:
    def some(make: Callable[[], Any]) -> list[Any]:
        return [None if chance.random() < 0.2 else make() for _ in range(rows)]

    return {
        "n": ("int", chance.sample(range(rows * 2), rows)),
        "i": ("int", some(lambda: chance.randint(-5, 5))),
        "j": ("int", some(lambda: chance.choice([0, 1, -1, 7, 1000, -(2**40), 2**33 + 1]))),
        "f": ("float", some(lambda: chance.choice([0.0, -1.5, 2.25, 1e10, -1e-3, 3.0]))),
        # CSV has one form for an empty text and no value.
        "s": ("text", some(lambda: chance.choice(WORDS[1:]))),
        "k": ("text", some(lambda: chance.choice("pqr"))),
        "b": ("bool", some(lambda: chance.random() < 0.5)),
    }


# -- expressions against pandas --

Pair = tuple[tg.Expr, Callable[[Any], Any]]


def _number(chance: random.Random, depth: int) -> Pair:
    if depth == 0:
        name = chance.choice(["i", "j", "f", "n"])
        return tg.col(name), lambda df: df[name]
    (a, x), number = _number(chance, depth - 1), chance.choice([1, 2, 3, -2, 5])
    (b, y) = _number(chance, chance.randint(0, depth - 1))
    (c, z) = _condition(chance, depth - 1)
    (t, w) = _text(chance, depth - 1)
    return chance.choice(
        [
            (a + b, lambda df: x(df) + y(df)),
            (a - b, lambda df: x(df) - y(df)),
            (a * number, lambda df: x(df) * number),
            (number - a, lambda df: number - x(df)),
            (a / number, lambda df: x(df) / number),
            (a % 7, lambda df: x(df) % 7),
            (-a, lambda df: -x(df)),
            (a.abs(), lambda df: x(df).abs()),
            (a.clip(-3, 100), lambda df: x(df).clip(-3, 100)),
            (a.fill_null(number), lambda df: x(df).fillna(number)),
            (t.str.len_chars(), lambda df: w(df).str.len()),
            (
                tg.when(c).then(a).otherwise(b),
                lambda df: x(df).astype("Float64").where(z(df).fillna(value=False), y(df).astype("Float64")),
            ),
            (tg.coalesce(a, b), lambda df: x(df).astype("Float64").fillna(y(df).astype("Float64"))),
        ]
    )


def _condition(chance: random.Random, depth: int) -> Pair:
    if depth == 0:
        return tg.col("b"), lambda df: df["b"]
    (a, x), (b, y) = _number(chance, depth - 1), _number(chance, depth - 1)
    (c, z), (d, v) = _condition(chance, depth - 1), _condition(chance, depth - 1)
    (t, w) = _text(chance, depth - 1)
    word = chance.choice(WORDS[1:])
    expr, compute = chance.choice(
        [
            (a < b, lambda df: x(df) < y(df)),
            (a >= 1, lambda df: x(df) >= 1),
            (a == b, lambda df: x(df) == y(df)),
            (t != word, lambda df: w(df) != word),
            (c & d, lambda df: z(df) & v(df)),
            (c | d, lambda df: z(df) | v(df)),
            (c ^ d, lambda df: z(df) ^ v(df)),
            (~c, lambda df: ~z(df)),
            (a.is_null(), lambda df: x(df).isna().astype("boolean")),
            (t.is_not_null(), lambda df: w(df).notna().astype("boolean")),
            (a.is_between(-2, 3), lambda df: (x(df) >= -2) & (x(df) <= 3)),
            (t.is_in(["a", word]), lambda df: w(df).isin(["a", word]).astype("boolean").mask(w(df).isna())),
            (t.str.contains(word, literal=True), lambda df: w(df).str.contains(word, regex=False)),
            (t.str.starts_with(word), lambda df: w(df).str.startswith(word)),
            (t.str.ends_with(word), lambda df: w(df).str.endswith(word)),
        ]
    )
    # pandas has two types of truth values with NA, which do not mix.
    return expr, lambda df: compute(df).astype("boolean")


def _text(chance: random.Random, depth: int) -> Pair:
    if depth == 0:
        name = chance.choice(["s", "k"])
        return tg.col(name), lambda df: df[name]
    (t, w) = _text(chance, depth - 1)
    word, start, length = chance.choice(WORDS), chance.randint(-4, 4), chance.randint(0, 3)

    def sliced(value: str) -> str:
        first = start if start >= 0 else len(value) + start
        return value[max(first, 0) : max(first + length, 0)]

    return chance.choice(
        [
            (t + word, lambda df: w(df) + word),
            (t.str.to_uppercase(), lambda df: w(df).str.upper()),
            (t.str.slice(start, length), lambda df: w(df).map(sliced, na_action="ignore").astype("string")),
            (t.str.replace_all("a", word, literal=True), lambda df: w(df).str.replace("a", word, regex=False)),
            (t.fill_null(word), lambda df: w(df).fillna(word)),
            (t.str.reverse(), lambda df: w(df).str[::-1]),
        ]
    )


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_random_expressions_are_as_in_pandas(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = _frame(chance, 40)
    frame, df = write_csv(tmp_path / "data.csv", data), to_pandas(data)
    makers = [_number, _condition, _text]
    pairs = [chance.choice(makers)(chance, chance.randint(1, 4)) for _ in range(EXPRESSIONS)]
    rows = rows_of(frame.select("n", *[expr.alias(f"{at}") for at, (expr, _) in enumerate(pairs)]))
    found = {row["n"]: row for row in rows}
    assert len(found) == len(df)
    for at, (expr, compute) in enumerate(pairs):
        for n, expected in zip(df["n"], compute(df)):
            value = found[n][f"{at}"]
            assert same(value, expected), f"seed {seed}, n = {n}: {value!r}, in pandas {plain(expected)!r}; {expr}"


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_random_aggregates_are_as_in_pandas(tmp_path: Path, seed: int) -> None:
    chance = random.Random(1000 + seed)
    data = _frame(chance, 60)
    frame, df = write_csv(tmp_path / "data.csv", data), to_pandas(data)
    functions = ["sum", "mean", "min", "max", "count", "median", "std", "var", "nunique"]
    picked = [(*_number(chance, chance.randint(0, 2)), chance.choice(functions)) for _ in range(20)]
    aggregates = [getattr(expr, name)().alias(f"{at}") for at, (expr, _, name) in enumerate(picked)]
    found = {row["k"]: row for row in rows_of(frame.group_by("k").agg(*aggregates))}
    for at, (expr, compute, name) in enumerate(picked):
        expected = compute(df).astype("Float64").groupby(df["k"], dropna=False).agg(name)
        for key, value in expected.items():
            ours = found[plain(key)][f"{at}"]
            close = same(ours, value) or (
                ours is not None and pd.notna(value) and abs(ours - value) <= 1e-9 * abs(ours)
            )
            # A variance of such numbers is of few digits in pandas.
            vague = name in ("std", "var", "sum", "mean", "median") and abs(plain(value) or 0) > 2**30
            assert close or vague, f"seed {seed}, {key}: {ours!r}, in pandas {value!r}; {name} of {expr}"


# -- steps against Polars --


class _Chain:
    """A frame, and what Polars makes of the same steps; whether their rows have an order."""

    def __init__(self, ours: tg.LazyFrame, theirs: Any) -> None:
        self.ours, self.theirs, self.ordered = ours, theirs, False

    def names(self, dtype: Any) -> list[str]:
        return [name for name, kind in self.theirs.schema.items() if kind == dtype]

    def step(self, chance: random.Random, at: int) -> None:
        numbers, texts = self.names(pl.Int64), self.names(pl.String)
        number, text = chance.choice(numbers or [""]), chance.choice(texts or [""])
        kind = chance.choice(
            ["filter", "filter", "columns", "window", "sort", "head", "group", "unique", "select", "join"]
        )
        bound = chance.randint(-3, 3)
        if kind == "filter" and numbers:
            self._both(lambda m: lambda df: df.filter((m.col(number) > bound) | m.col(number).is_null()))
        elif kind == "columns" and numbers:
            name = chance.choice([f"c{at}", number])
            self._both(lambda m: lambda df: df.with_columns((m.col(number) * 2 - 1).alias(name)))
        elif kind == "window" and numbers and texts:
            self._both(lambda m: lambda df: df.with_columns(m.col(number).max().over(text).alias(f"w{at}")))
        elif kind == "sort" and "n" in numbers:
            self.ours = self.ours.sort("n", descending=bound > 0)
            self.theirs = self.theirs.sort("n", descending=bound > 0, nulls_last=True)
            self.ordered = True
        elif kind == "head" and self.ordered:
            rows, offset = chance.randint(3, 30), chance.randint(0, 2)
            self._both(lambda _: lambda df: df.slice(offset, rows))
        elif kind == "group" and numbers and texts and "n" not in (number, text):
            self._both(
                lambda m: (
                    lambda df: df.group_by(text).agg(
                        m.col(number).sum().alias("i"),
                        m.col("n").max().alias("n") if "n" in numbers else m.len().alias("n"),
                    )
                ),
                ordered=False,
            )
        elif kind == "unique" and texts and numbers:
            self._both(lambda _: lambda df: df.select(text, number).unique(), ordered=False)
        elif kind == "select" and numbers:
            keep = sorted({"n", number, *texts} & {*numbers, *texts})
            self._both(lambda m: lambda df: df.select(*keep, (m.col(number) + 1).alias(f"s{at}")))
        elif kind == "join" and texts and numbers and "z" not in self.theirs.columns:
            self._both(
                lambda m: (
                    lambda df: df.join(
                        df.group_by(text).agg(m.len().cast(m.Int64 if m is pl else int).alias("z")), on=text
                    )
                ),
                ordered=False,
            )

    def _both(self, build: Callable[[Any], Callable[[Any], Any]], *, ordered: bool | None = None) -> None:
        self.ours, self.theirs = build(tg)(self.ours), build(pl)(self.theirs)
        self.ordered = self.ordered if ordered is None else ordered


@pytest.mark.parametrize("seed", range(ROUNDS * 4))
def test_random_steps_are_as_in_polars(tmp_path: Path, seed: int) -> None:
    chance = random.Random(2000 + seed)
    data = _frame(chance, 50)
    chain = _Chain(write_csv(tmp_path / "data.csv", data).drop("b", "f"), to_polars(data).drop("b", "f"))
    for at in range(chance.randint(2, 8)):
        chain.step(chance, at)
    sql = chain.ours.sql_text
    ours = [tuple(row.values()) for row in rows_of(chain.ours)]
    theirs = [tuple(map(plain, row)) for row in chain.theirs.rows()]
    assert chain.ours.columns == chain.theirs.columns, sql
    if not chain.ordered:
        ours, theirs = sorted(ours, key=repr), sorted(theirs, key=repr)
    assert len(ours) == len(theirs), f"seed {seed}\n{sql}"
    for left, right in zip(ours, theirs):
        assert same(list(left), list(right)), f"seed {seed}: {left}, in Polars {right}\n{sql}"
