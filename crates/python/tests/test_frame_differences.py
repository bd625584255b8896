"""Where pandas, Polars and Tidegate differ: each line of docs/python.md that says so, and what Tidegate does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from frame_support import column_of, rows_of, to_pandas, to_polars, write_csv

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pytest.importorskip("pyarrow")

import tidegate as tg  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

col = tg.col

DATA: dict[str, tuple[str, list[Any]]] = {
    "n": ("int", [0, 1, 2, 3, 4, 5]),
    "i": ("int", [3, None, -3, 0, 5, 5]),
    "f": ("float", [0.5, 1.5, None, -0.5, 2.5, 2.7]),
    "s": ("text", ["a-a", "b", None, "c", "c", "a.c"]),
    "k": ("text", ["p", "p", "q", "q", None, None]),
}


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> tuple[tg.LazyFrame, Any, Any]:
    path = tmp_path_factory.mktemp("differences") / "data.csv"
    return write_csv(path, DATA), to_pandas(DATA), to_polars(DATA)


def _values(frame: tg.LazyFrame, expr: tg.Expr) -> list[Any]:
    return column_of(rows_of(frame.select("n", value=expr).sort("n")), "value")


def test_comparisons_with_what_is_missing(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, _ = frames
    plain = df["s"].astype("object")
    assert (plain != "b").tolist() == [True, False, True, True, True, True]
    assert _values(ours, col("s") != "b") == [True, False, None, True, True, True]
    assert _values(ours, col("s").ne_missing("b")) == (plain != "b").tolist()
    assert ours.filter(col("s") != "b").count() == 4
    assert ours.filter(col("s").ne_missing("b")).count() == 5
    with pytest.raises(TypeError, match="is_null"):
        _ = col("s") == None  # noqa: E711


def test_not_a_number_is_a_value(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, _, _ = frames
    nan = tg.when(col("n") == 1).then(math.nan).otherwise(col("f"))
    assert _values(ours, nan.is_null()) == [False, False, True, False, False, False]
    assert _values(ours, nan.is_nan()) == [False, True, None, False, False, False]
    assert _values(ours, nan.fill_nan(None).is_null()) == [False, True, True, False, False, False]
    assert math.isnan(rows_of(ours.select(x=nan.sum()))[0]["x"])
    assert math.isnan(rows_of(ours.select(x=nan.max()))[0]["x"])
    order = column_of(rows_of(ours.select("n", x=nan).sort("x")), "n")
    assert order == [3, 0, 4, 5, 1, 2]


def test_division_by_zero(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, _, theirs = frames
    assert _values(ours, 1 / col("i")) == [1 / 3, None, -1 / 3, math.inf, 0.2, 0.2]
    assert _values(ours, 1 // col("i")) == [0, None, -1, None, 0, 0]
    assert theirs.select(1 // pl.col("i"))["literal"].to_list() == [0, None, -1, None, 0, 0]
    assert _values(ours, 7 % col("i")) == [1, None, -2, None, 2, 2]


def test_powers_are_floats(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, _ = frames
    assert _values(ours, col("i") ** 2) == [9.0, None, 9.0, 0.0, 25.0, 25.0]
    assert (df["i"] ** 2).dtype == "Int64"


def test_aggregates_of_nothing(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, theirs = frames
    none = col("i").filter(col("n") > 99)
    row = rows_of(
        ours.select(a=none.sum(), b=none.sum(min_count=1), c=none.mean(), d=none.count(), e=none.std(), f=none.min())
    )
    assert row == [{"a": 0, "b": None, "c": None, "d": 0, "e": None, "f": None}]
    nothing = df[df["n"] > 99]["i"]
    assert (nothing.sum(), nothing.sum(min_count=1) is pd.NA) == (0, True)
    assert theirs.filter(pl.col("n") > 99)["i"].sum() == 0
    assert rows_of(ours.head(1).select(x=col("i").std())) == [{"x": None}]


def test_different_values_go_without_null(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, theirs = frames
    found = rows_of(ours.select(x=col("s").n_unique()))[0]["x"]
    assert (found, df["s"].nunique(), theirs["s"].n_unique()) == (4, 4, 5)
    about = rows_of(ours.select(x=col("s").approx_n_unique()))[0]["x"]
    assert about == 4


def test_quantiles_are_linear(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, theirs = frames
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        found = rows_of(ours.select(x=col("i").quantile(share), y=col("i").approx_quantile(share)))[0]
        assert found["x"] == pytest.approx(df["i"].quantile(share))
        assert isinstance(found["x"], float)
        assert found["y"] == pytest.approx(found["x"], abs=0.5)
    assert theirs["i"].quantile(0.1) != pytest.approx(float(df["i"].quantile(0.1)))


def test_first_and_last_go_by_an_order(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, _, _ = frames
    found = rows_of(ours.group_by("k").agg(a=col("s").first(order_by="n"), b=col("s").last(order_by="n")).sort("k"))
    assert [(row["a"], row["b"]) for row in found] == [("a-a", "b"), (None, "c"), ("c", "a.c")]
    found = rows_of(ours.select(a=col("s").first(order_by="n", descending=True)))
    assert found == [{"a": "a.c"}]


def test_null_is_a_group_and_comes_last(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, theirs = frames
    assert rows_of(ours.group_by("k").len().sort("k")) == [
        {"k": "p", "len": 2},
        {"k": "q", "len": 2},
        {"k": None, "len": 2},
    ]
    assert df.groupby("k").size().to_dict() == {"p": 2, "q": 2}
    for descending in (False, True):
        order = column_of(rows_of(ours.select("i").sort("i", descending=descending)), "i")
        assert order[-1] is None
        values = df["i"].sort_values(ascending=not descending)
        assert values.isna().tolist()[-1]
        assert theirs.sort("i", descending=descending)["i"][0] is None
        first = column_of(rows_of(ours.select("i").sort("i", descending=descending, nulls_last=False)), "i")
        assert first == theirs.sort("i", descending=descending)["i"].to_list()
    assert column_of(rows_of(ours.sort_values("i", na_position="first").select("i")), "i")[0] is None


def test_joins_on_null(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, theirs = frames
    other = ours.select("k", m="n")
    assert ours.join(other, on="k").count() == theirs.join(theirs, on="k").height == 8
    assert ours.join(other, on="k", nulls_equal=True).count() == len(df.merge(df, on="k")) == 12
    assert ours.join(other, on="k", how="semi").count() == 4
    assert ours.join(other, on="k", how="anti").count() == 2


def test_keys_of_a_full_join_are_one_column(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, _ = frames
    left, right = ours.filter(col("n") < 3).select("n", "i"), ours.filter(col("n") > 1).select("n", "i")
    found = rows_of(left.join(right, on="n", how="full").sort("n"))
    assert list(found[0]) == ["n", "i", "i_right"]
    assert column_of(found, "n") == [0, 1, 2, 3, 4, 5]
    merged = df[df["n"] < 3][["n", "i"]].merge(df[df["n"] > 1][["n", "i"]], on="n", how="outer")
    assert merged["n"].tolist() == [0, 1, 2, 3, 4, 5]
    found = rows_of(left.join(right, on="n", how="right").sort("n"))
    assert [tuple(row.values()) for row in found] == [(2, -3, -3), (3, None, 0), (4, None, 5), (5, None, 5)]
    found = rows_of(left.join(right.rename({"n": "m"}), left_on="n", right_on="m").sort("n"))
    assert found == [{"n": 2, "i": -3, "i_right": -3}]


def test_patterns_and_replacements(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, theirs = frames
    assert _values(ours, col("s").str.replace("a", "x")) == theirs["s"].str.replace("a", "x").to_list()
    assert _values(ours, col("s").str.replace_all("a", "x"))[0] == df["s"].str.replace("a", "x")[0] == "x-x"
    assert _values(ours, col("s").str.contains("a.c")) == [False, False, None, False, False, True]
    assert _values(ours, col("s").str.replace_all(".", "$0$0", literal=True))[5] == "a$0$0c"


def test_halves_are_rounded_away_from_zero(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, _ = frames
    assert _values(ours, col("f").round()) == [1.0, 2.0, None, -1.0, 3.0, 3.0]
    assert df["f"].round()[0] == 0
    assert _values(ours, col("f").round(1)) == [0.5, 1.5, None, -0.5, 2.5, 2.7]
    assert _values(ours, col("f").cast(int)) == [0, 1, None, 0, 2, 2]


def test_ranks(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, _ = frames
    for method, name in (("min", "min"), ("dense", "dense")):
        expected = [None if pd.isna(rank) else rank for rank in df["i"].rank(method=name).tolist()]
        assert _values(ours, col("i").rank(method).over()) == expected
    assert sorted(value for value in _values(ours, col("i").rank("ordinal").over()) if value) == [1, 2, 3, 4, 5]


def test_rows_without_an_order(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, _, _ = frames
    assert ours.head(3).count() == 3
    assert column_of(rows_of(ours.sort("n").tail(2)), "n") == [4, 5]
    assert column_of(rows_of(ours.sort("n", descending=True).slice(1, 2)), "n") == [4, 3]
    assert column_of(rows_of(ours.sort("n").unique("k", keep="first")), "n") == [0, 2, 4]
    assert column_of(rows_of(ours.sort("n").unique("k", keep="last")), "n") == [1, 3, 5]
    assert column_of(rows_of(ours.unique("s", keep="none").sort("n")), "n") == [0, 1, 2, 5]
    assert ours.unique("k").count() == 3
    assert ours.select("i").unique().count() == 5


def test_samples(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, _, _ = frames
    assert ours.sample(n=4).count() == 4
    assert ours.sample(n=40).count() == 6
    assert ours.sample(fraction=1.0).count() == 6
    assert ours.sample(fraction=0.0).count() == 0
    assert ours.sample(fraction=1.0, seed=1).count() == 6
    picked = [sorted(column_of(rows_of(ours.sample(n=3, seed=5)), "n")) for _ in range(2)]
    assert picked[0] == picked[1]
    assert len(picked[0]) == 3


HOSTILE = [
    'say "hi"',
    "it's",
    "a.b",
    "A",
    "a",
    "a b",
    "select",
    "user",
    "line\nend",
    "'; DROP TABLE x; --",
    "{0}",
    "日本",
    "--",
    "/*",
    "*",
    "_order_1",
    "step1",
    "l",
    "r",
    "x\\",
    "%s",
    "$1",
    "()",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_texts_mean_themselves(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    file = "".join("-" if mark in '/*\n\\"' else mark for mark in name)
    data = {"n": ("int", [1, 2, 3]), name: ("text", [name, None, "x"])}
    frame = write_csv(folder / f"{file}.csv", {"n": data["n"], "v": data[name]}).rename({"v": name})
    steps: list[Callable[[], tg.LazyFrame]] = [
        lambda: frame.filter(col(name) == name).select("n", name),
        lambda: frame.filter(col(name).is_in([name])),
        lambda: frame.filter(col(name).str.contains(name, literal=True)),
        lambda: (
            frame.filter(col(name).str.starts_with(name))
            .with_columns(col(name).str.to_uppercase().alias("up"))
            .drop("up")
        ),
        lambda: frame.filter(col(name).str.replace_all(name, "", literal=True) == ""),
        lambda: frame.sort(name, descending=True).head(3).filter(col(name) == name),
        lambda: frame.join(frame.select(name, m="n"), on=name).filter(col(name) == name).drop("m"),
        lambda: frame.group_by(name).agg(n=col("n").max()).filter(col(name) == name).select("n", name),
        lambda: frame.with_columns(m=col("n").max().over(name)).filter(col(name) == name).drop("m"),
        lambda: frame.sort("n").select(name).head(1).with_columns(n=1).select("n", name),
        lambda: frame.unique(name).filter(col(name) == name),
        lambda: frame.sql("SELECT * FROM self WHERE n = 1").rename({name: "v"}).rename({"v": name}),
        lambda: frame.filter(tg.when(col(name) == name).then(tg.lit(name)).otherwise(None) == name),
    ]
    for step in steps:
        rows = rows_of(step())
        assert rows == [{"n": 1, name: name}], step().sql_text


def test_a_frame_describes_itself(frames: tuple[tg.LazyFrame, Any, Any]) -> None:
    ours, df, _ = frames
    rows = {row["column"]: row for row in rows_of(ours.describe())}
    assert list(rows) == ["n", "i", "f", "s", "k"]
    expected = df[["n", "i", "f"]].describe()
    for name in ("n", "i", "f"):
        for figure in ("count", "mean", "std", "min", "25%", "50%", "75%", "max"):
            assert rows[name][figure] == pytest.approx(float(expected[name][figure])), (name, figure)
    assert (rows["s"]["count"], rows["s"]["null_count"], rows["s"]["approx_n_unique"]) == (5, 1, 4)
    assert rows["s"]["mean"] is None
