"""The tools that are asked in Python: Polars, pandas, Dask. Each reads the columns that a question needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from questions import AGENT, CLOCK, COLUMNS, FILES, LINE, NESTED, Question

NEEDED = {
    "q1": ["status", "bytes"],
    "q2": ["path"],
    "q3": ["ts", "request_time"],
    "q4": ["ts", "client"],
    "q5": ["client", "bytes"],
    "q7": ["client", "bytes"],
    "q8": ["method", "path", "user_agent"],
}


def polars(question: Question, form: str, data: Path, out: Path, limit: int | None) -> None:
    """The streaming engine on lazy frames, as https://docs.pola.rs/user-guide/concepts/streaming advises."""
    import os

    if limit:
        os.environ["POLARS_OOC_MEMORY_BUDGET_MB"] = str(int(limit * 0.6 / 1e6))
        os.environ["POLARS_TEMP_DIR"] = str(out.parent)
    import polars as pl

    path = data / FILES[form]
    kinds = dict.fromkeys(COLUMNS, pl.String) | {"status": pl.Int64, "bytes": pl.Int64, "request_time": pl.Float64}
    if form == "csv":
        frame = pl.scan_csv(path, schema=kinds)
    elif form == "ndjson":
        request = pl.Struct(dict.fromkeys(NESTED, pl.String))
        plain = {name: kind for name, kind in kinds.items() if name not in NESTED}
        frame = pl.scan_ndjson(path, schema=plain | {"request": request}).unnest("request").select(COLUMNS)
    else:
        lines = pl.scan_csv(path, separator="\x01", has_header=False, quote_char=None, new_columns=["line"])
        groups = lines.select(pl.col("line").str.extract_groups(LINE).alias("f")).unnest("f")
        text = [name for name in COLUMNS if name not in ("ts", "status", "bytes", "request_time")]
        frame = groups.with_columns(
            *(pl.when(~pl.col(name).is_in(["-", ""])).then(pl.col(name)).alias(name) for name in text),
            pl.col("status").cast(pl.Int64),
            pl.col("bytes").cast(pl.Int64, strict=False),
            pl.col("request_time").cast(pl.Float64),
        )
    clock = "%Y-%m-%dT%H:%M:%SZ" if form != "log" else CLOCK
    frame = frame.with_columns(pl.col("ts").str.to_datetime(clock, time_zone="UTC" if form == "log" else None))
    n, total = pl.len().alias("n"), pl.col("bytes").sum().alias("b")
    answers = {
        "q1": lambda: frame.group_by("status").agg(n, total),
        "q2": lambda: frame.group_by("path").agg(n).sort("n", "path", descending=[True, False]).head(20),
        "q3": lambda: frame.group_by(pl.col("ts").dt.truncate("1m").alias("m")).agg(
            n,
            *(
                pl.col("request_time").quantile(part, interpolation="linear").alias(name)
                for part, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
            ),
        ),
        "q4": lambda: frame.group_by(pl.col("ts").dt.truncate("1h").alias("h")).agg(pl.col("client").n_unique().alias("n")),
        "q5": lambda: frame.group_by("client")
        .agg(n, total)
        .sort("b", "client", descending=[True, False], nulls_last=True)
        .head(20),
        "q6": lambda: frame.sort("request_time", "ts"),
        "q7": lambda: frame.group_by("client")
        .agg(n, total)
        .join(pl.scan_csv(data / "countries.csv"), on="client")
        .group_by("country")
        .agg(pl.col("n").sum(), pl.col("b").sum()),
        "q8": lambda: frame.filter(
            pl.col("user_agent").str.contains(AGENT) & pl.col("path").str.contains("product", literal=True)
        )
        .group_by("method")
        .agg(n),
        "q9": lambda: frame.unique(["client", "ts", "path"]),
        "q10": lambda: frame,
    }
    answer = answers[question.name]()
    if question.parquet:
        answer.sink_parquet(out, compression="zstd", compression_level=1, engine="streaming")
    else:
        answer.sink_csv(out, engine="streaming")


def parsed(line: str) -> list[str | None] | None:
    """Return the fields of a line of the log, as Python users take it apart."""
    found = PATTERN.match(line)
    return None if found is None else [None if field in ("-", "") else field for field in found.groups()]


PATTERN = re.compile(LINE)


def read_pandas(question: Question, form: str, data: Path) -> Any:
    """Return a frame of the columns that a question needs."""
    import pandas as pd

    path = data / FILES[form]
    wanted = NEEDED.get(question.name, list(COLUMNS))
    if form == "csv":
        times = ["ts"] if "ts" in wanted else []
        return pd.read_csv(path, usecols=wanted, parse_dates=times)
    if form == "ndjson":
        pieces = []
        for piece in pd.read_json(path, lines=True, chunksize=100_000, dtype=False, convert_dates=False, precise_float=True):
            request = pd.DataFrame(piece.pop("request").tolist(), index=piece.index)
            pieces.append(pd.concat([piece, request], axis=1)[wanted])
        frame = pd.concat(pieces, ignore_index=True)
    else:
        places = [COLUMNS.index(name) for name in wanted]
        with path.open(encoding="utf-8", errors="replace") as lines:
            rows = (fields for fields in map(parsed, lines) if fields)
            frame = pd.DataFrame(([fields[at] for at in places] for fields in rows), columns=wanted)
    for name in {"status", "bytes", "request_time"} & set(wanted):
        frame[name] = pd.to_numeric(frame[name])
    if "ts" in wanted:
        frame["ts"] = pd.to_datetime(frame["ts"], format=CLOCK if form == "log" else "ISO8601", utc=True)
    return frame


def pandas(question: Question, form: str, data: Path, out: Path, limit: int | None) -> None:
    """No limit can be given."""
    import pandas as pd

    frame = read_pandas(question, form, data)
    size = {"n": ("client", "size"), "b": ("bytes", "sum")}

    def grouped(keys: Any, **columns: Any) -> Any:
        return frame.groupby(keys, sort=False, dropna=False).agg(**columns)

    def quantiles() -> Any:
        times = frame.groupby(frame["ts"].dt.floor("min"))["request_time"]
        parts = times.quantile([0.5, 0.95, 0.99]).unstack()
        parts.insert(0, "n", times.size())
        return parts.reset_index()

    def by_country() -> Any:
        totals = grouped("client", **size).reset_index()
        joined = totals.merge(pd.read_csv(data / "countries.csv"), on="client")
        return joined.groupby("country")[["n", "b"]].sum().reset_index()

    def matching() -> Any:
        found = frame["user_agent"].str.contains(AGENT, regex=True) & frame["path"].str.contains("product", regex=False)
        return frame[found.fillna(False).astype(bool)].groupby("method").size().reset_index(name="n")

    answers = {
        "q1": lambda: grouped("status", n=("status", "size"), b=("bytes", "sum")).reset_index(),
        "q2": lambda: frame.groupby("path").size().reset_index(name="n").sort_values(["n", "path"], ascending=[False, True]).head(20),
        "q3": quantiles,
        "q4": lambda: frame.groupby(frame["ts"].dt.floor("h"))["client"].nunique().reset_index(),
        "q5": lambda: grouped("client", **size).reset_index().sort_values(["b", "client"], ascending=[False, True]).head(20),
        "q6": lambda: frame.sort_values(["request_time", "ts"]),
        "q7": by_country,
        "q8": matching,
        "q9": lambda: frame.drop_duplicates(["client", "ts", "path"]),
        "q10": lambda: frame,
    }
    answer = answers[question.name]()
    if question.parquet:
        answer.to_parquet(out, compression="zstd", compression_level=1, index=False)
    else:
        answer.to_csv(out, index=False)


def dask(question: Question, form: str, data: Path, out: Path, limit: int | None) -> None:
    """Two processes, each with its part of the limit, as https://docs.dask.org/en/stable/dataframe-best-practices.html says."""
    import dask.bag
    import dask.dataframe as dd
    from dask.distributed import Client, LocalCluster

    share = int(limit * 0.4) if limit else 0
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, memory_limit=share, dashboard_address=None)
    with cluster, Client(cluster):
        path = str(data / FILES[form])
        wanted = NEEDED.get(question.name, list(COLUMNS))
        if form == "csv":
            types = {name: "string" for name in wanted if name not in ("ts", "status", "bytes", "request_time")}
            frame = dd.read_csv(path, usecols=wanted, dtype=types | {"bytes": "float64"}, parse_dates=["ts"] if "ts" in wanted else [])
        else:
            lines = dask.bag.read_text(path, blocksize="32MB")
            rows = lines.map(parsed).filter(bool) if form == "log" else lines.map(flattened)
            meta = dict.fromkeys(COLUMNS, "string") | {"status": "int64", "bytes": "float64", "request_time": "float64"}
            frame = rows.map(dict_of).to_dataframe(meta=meta)[wanted]
            if "ts" in wanted:
                clock = CLOCK if form == "log" else "ISO8601"
                frame["ts"] = dd.to_datetime(frame["ts"], format=clock, utc=True)
        answer = dask_answer(question.name, frame, data)
        if question.parquet:
            answer.to_parquet(str(out), compression="zstd", write_index=False)
        else:
            answer.to_csv(str(out), index=False, **({"single_file": True} if hasattr(answer, "npartitions") else {}))


def dask_answer(name: str, frame: Any, data: Path) -> Any:
    """Return the answer to a question as a frame, of Dask or of pandas."""
    import dask.dataframe as dd

    def totals() -> Any:
        sums = frame.assign(n=1).groupby("client")[["n", "bytes"]].sum(split_out=8)
        return sums.reset_index().rename(columns={"bytes": "b"})

    def quantiles() -> Any:
        times = frame.assign(m=frame["ts"].dt.floor("min"))[["m", "request_time"]]
        return times.groupby("m").apply(parts, meta={"n": "int64", "p50": "float64", "p95": "float64", "p99": "float64"})

    answers = {
        "q1": lambda: frame.groupby("status").agg({"status": "size", "bytes": "sum"}).compute().rename_axis("s").reset_index(),
        "q2": lambda: frame.groupby("path").size(split_out=4).compute().rename("n").reset_index().sort_values(["n", "path"], ascending=[False, True]).head(20),
        "q3": lambda: quantiles().compute().reset_index(),
        "q4": lambda: frame.assign(h=frame["ts"].dt.floor("h")).drop_duplicates(["h", "client"]).groupby("h").size().compute().reset_index(),
        "q5": lambda: totals().compute().sort_values(["b", "client"], ascending=[False, True]).head(20),
        "q6": lambda: frame.sort_values(["request_time", "ts"]),
        "q7": lambda: totals()
        .merge(dd.read_csv(str(data / "countries.csv")), on="client")
        .groupby("country")[["n", "b"]]
        .sum()
        .compute()
        .reset_index(),
        "q8": lambda: frame[frame["user_agent"].str.contains(AGENT, regex=True) & frame["path"].str.contains("product")]
        .groupby("method")
        .size()
        .compute()
        .reset_index(),
        "q9": lambda: frame.drop_duplicates(["client", "ts", "path"], split_out=8),
        "q10": lambda: frame,
    }
    return answers[name]()


def parts(group: Any) -> Any:
    """Return the size and the quantiles of one minute."""
    import pandas as pd

    times = group["request_time"].quantile([0.5, 0.95, 0.99])
    return pd.Series({"n": len(group), "p50": times.iloc[0], "p95": times.iloc[1], "p99": times.iloc[2]})


def flattened(line: str) -> list[Any]:
    """Return the fields of an object, with those of `request` among them."""
    import json

    record = json.loads(line)
    record |= record.pop("request")
    return [record[name] for name in COLUMNS]


def dict_of(fields: list[Any]) -> dict[str, Any]:
    """Return the fields as a row of a frame: numbers as numbers."""
    row = dict(zip(COLUMNS, fields, strict=True))
    row["status"] = int(row["status"])
    row["bytes"] = float("nan") if row["bytes"] is None else float(row["bytes"])
    row["request_time"] = float(row["request_time"])
    return row


FRAMES = {"polars": polars, "pandas": pandas, "dask": dask}
