"""Arguments of the wrong type are a ``TypeError`` that names them, before anything runs."""

from __future__ import annotations

import re

import pytest
import tidegate as tg

CASES = {
    "tg.scan(5)": "source",
    'tg.scan("a", limit=1.5)': "limit",
    'tg.scan("a", threads="2")': "threads",
    'tg.scan("a", format=5)': "format",
    'tg.scan("a", types=5)': "types",
    'tg.scan("a", format="csv", delimiter=5)': "delimiter",
    'tg.scan("a", header=1)': "header",
    'tg.scan("a", max_rejects=1.5)': "max_rejects",
    "tg.sql(5)": "query",
    'tg.sql("SELECT 1", limit=[])': "limit",
    "tg.register(3, df)": "name",
    'tg.register("ok", [1])': "data",
    "tg.table(5)": "name",
    "tg.unregister(5)": "name",
    "tg.forecast(5)": "sql",
    'tg.forecast("SELECT 1", tables=5)': "tables",
    'tg.forecast("SELECT 1", tables={"a": 5})': "tables",
    'tg.forecast("SELECT 1", limit=1.5)': "limit",
    'tg.forecast("SELECT 1", threads="x")': "threads",
    "tg.forecast_pandas(5)": "path",
    "tg.forecast_pandas(None)": "path",
    'tg.forecast_pandas("f.csv", columns=5)': "columns",
    'tg.forecast_pandas("f.csv", columns="a")': "columns",
    'tg.memory(top="x")': "top",
    "tg.limit_memory(1.5)": "limit",
    'tg.limit_memory("8GB", interval="x")': "interval",
    'tg.monitor(hz="x")': "hz",
    'tg.monitor(capacity="x")': "capacity",
    "tg.MemoryManager(limit=1.5)": "limit",
    'tg.MemoryManager(limit="4GB").optimal_release(object())': "next_task",
    'tg.MemoryManager(limit="4GB").optimal_release("1MB", margin="x")': "margin",
    'tg.MemoryManager(limit="4GB").on_pressure(5)': "callback",
    "tg.DataProcessor(5)": "source",
    'tg.DataProcessor("a.csv", limit=1.5)': "limit",
    'tg.DataProcessor("a.csv", load=5)': "load",
    'tg.DataProcessor("a.csv", chunk_rows="x")': "chunk_rows",
    "tg.col(5)": "name",
    "tg.sql_expr(5)": "sql",
    "tg.exclude(5)": "names",
    'tg.concat_str("a", separator=5)': "separator",
    "tg.when(5)": "condition",
    "col.alias(5)": "name",
    "col.cast(object())": "dtype",
    "col.dt.offset_by(5)": "by",
    "col.dt.truncate(5)": "every",
    'col.quantile("x")': "quantile",
    'col.round("x")': "decimals",
    'col.shift("x")': "n",
    'col.std("x")': "ddof",
    "col.str.contains(5)": "pattern",
    'col.str.head("x")': "n",
    'col.str.replace("a", 5)': "value",
    "df.drop(5)": "columns",
    "df.drop_nulls(5)": "subset",
    "df.filter(5)": "conditions",
    'df.head("x")': "n",
    'df.join(5, on="a")': "other",
    "df.join(df, on=5)": "on",
    'df.join(df, on="a", how=5)': "how",
    "df.map_batches(5)": "function",
    "df.pipe(5)": "function",
    "df.rename(5)": "mapping",
    'df.sample("x")': "n",
    'df.sample(fraction="x")': "fraction",
    'df.slice("x")': "offset",
    'df.sort("a", descending="x")': "descending",
    "df.sql(5)": "query",
    "df.unique(5)": "subset",
    "df.write_csv(5)": "path",
}


@pytest.mark.parametrize(("code", "name"), CASES.items())
def test_the_argument_is_named(code: str, name: str) -> None:
    with pytest.raises(TypeError) as caught:
        eval(code, {"tg": tg, "df": tg.scan("a.csv"), "col": tg.col("a")})
    assert re.match(rf"`?{name}\b", str(caught.value)), caught.value


@pytest.mark.parametrize("code", ["tg.scan('a', nope=1)", "df.head(rows=1)", "col.round(n=1)", "tg.monitor(rate=1)"])
def test_what_is_not_known_is_an_error(code: str) -> None:
    with pytest.raises(TypeError, match="unexpected keyword"):
        eval(code, {"tg": tg, "df": tg.scan("a.csv"), "col": tg.col("a")})
