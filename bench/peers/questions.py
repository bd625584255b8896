"""The ten questions, the data they are asked of, and how answers are compared.

Every tool sees the same table: client, ident, user, ts, method, path, query, protocol, status, bytes, referer, user_agent,
request_time. NDJSON nests method, path, query and protocol in `request`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMS = ("log", "csv", "ndjson")
FILES = {"log": "access.log", "csv": "access.csv", "ndjson": "access.ndjson"}
COLUMNS = (
    "client", "ident", "user", "ts", "method", "path", "query", "protocol", "status", "bytes", "referer", "user_agent",
    "request_time",
)  # fmt: skip
NESTED = ("method", "path", "query", "protocol")
# One line of the log. The names of the groups are those of the columns.
LINE = (
    r'^(?P<client>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<ts>[^\]]+)\] '
    r'"(?P<method>[A-Z]+) (?P<path>[^ ?"]+)(?:\?(?P<query>[^ "]*))?(?: (?P<protocol>HTTP/[\d.]+))?" '
    r'(?P<status>\d{3}) (?P<bytes>\d+|-) "(?P<referer>[^"]*)" "(?P<user_agent>[^"]*)" (?P<request_time>[\d.]+)$'
)
CLOCK = "%d/%b/%Y:%H:%M:%S %z"
AGENT = r"Chrome/1[34]\d\.|curl/8"


@dataclass(frozen=True)
class Question:
    """One question. `sql` is common to the tools that speak it; {minute}, {hour}, {quantile} and {matches} are theirs."""

    name: str
    # What is asked, for people.
    title: str
    sql: str
    # A file of rows in Parquet, in place of a small answer in CSV.
    parquet: bool = False
    # The columns that answers are compared by, all if none.
    keys: tuple[str, ...] = ()
    # Whether the order of the rows is part of the answer.
    ordered: bool = False


QUESTIONS = {
    question.name: question
    for question in (
        Question("q1", "requests and bytes by status", "SELECT status, count(*) AS n, sum(bytes) AS b FROM t GROUP BY status"),
        Question("q2", "top 20 paths", "SELECT path, count(*) AS n FROM t GROUP BY path ORDER BY n DESC, path LIMIT 20", ordered=True),
        Question(
            "q3",
            "requests and exact percentiles of the request time by minute",
            "SELECT {minute} AS m, count(*) AS n, {quantile:0.5} AS p50, {quantile:0.95} AS p95, {quantile:0.99} AS p99 "
            "FROM t GROUP BY {minute}",
        ),
        Question("q4", "distinct clients by hour", "SELECT {hour} AS h, count(DISTINCT client) AS n FROM t GROUP BY {hour}"),
        Question(
            "q5",
            "requests and bytes by client, top 20 of millions",
            "SELECT client, count(*) AS n, sum(bytes) AS b FROM t GROUP BY client ORDER BY b DESC NULLS LAST, client LIMIT 20",
            ordered=True,
        ),
        Question("q6", "everything sorted by request time and time, to Parquet", "SELECT * FROM t ORDER BY request_time, ts", parquet=True, keys=("request_time", "ts"), ordered=True),
        Question(
            "q7",
            "totals by client joined with a million countries, by country",
            "SELECT country, sum(n) AS n, sum(b) AS b FROM "
            "(SELECT client, count(*) AS n, sum(bytes) AS b FROM t GROUP BY client) AS totals "
            "JOIN countries ON totals.client = countries.client GROUP BY country",
        ),
        Question(
            "q8",
            "a pattern of user agents and a word in the path, by method",
            "SELECT method, count(*) AS n FROM t WHERE {matches} AND path LIKE '%product%' GROUP BY method",
        ),
        Question(
            "q9",
            "one row for each client, time and path, to Parquet",
            "SELECT DISTINCT ON (client, ts, path) * FROM t",
            parquet=True,
            keys=("client", "ts", "path"),
        ),
        Question("q10", "everything to Parquet", "SELECT * FROM t", parquet=True, keys=("client", "ts", "path", "status", "bytes", "request_time")),
    )
}


def sql(question: Question, minute: str, hour: str, quantile: str, matches: str) -> str:
    """Return a question in the words of one tool; `quantile` has {} where the part goes."""
    text = question.sql.replace("{minute}", minute).replace("{hour}", hour).replace("{matches}", matches)
    for part in ("0.5", "0.95", "0.99"):
        text = text.replace(f"{{quantile:{part}}}", quantile.format(part))
    return text


@dataclass(frozen=True)
class Answer:
    """An answer: a small one as a table in the order of its first column, a large one as its rows' number and hash."""

    rows: int
    hash: int
    table: Any = None

    def same(self, other: Answer) -> bool:
        """Return whether two answers are the same, numbers up to one in a hundred thousand: percentiles are interpolated."""
        import numpy as np

        if self.table is None or other.table is None:
            return (self.rows, self.hash) == (other.rows, other.hash)
        if self.table.shape != other.table.shape:
            return False
        for (_, one), (_, two) in zip(self.table.items(), other.table.items(), strict=True):
            numbers = one.dtype == two.dtype == np.dtype("float64")
            if not (np.allclose(one, two, rtol=1e-5, atol=0) if numbers else one.equals(two)):
                return False
        return True


def answer_of(question: Question, path: Path) -> Answer:
    """Return the answer in a file: numbers as doubles, none as zero, times as seconds."""
    import numpy as np
    import pandas as pd
    import pyarrow.csv
    import pyarrow.parquet

    if question.parquet:
        # Dask writes a folder of numbered files.
        files = sorted(path.glob("part.*"), key=lambda file: int(file.name.split(".")[1])) if path.is_dir() else [path]
        tables = [pyarrow.parquet.read_table(file, columns=list(question.keys)) for file in files]
        frame = pd.concat([table.to_pandas() for table in tables], ignore_index=True)
    else:
        options = pyarrow.csv.ConvertOptions(null_values=["", "\\N"], strings_can_be_null=True)
        frame = pyarrow.csv.read_csv(path, convert_options=options).to_pandas()
    for name, column in frame.items():
        if pd.api.types.is_datetime64_any_dtype(column):
            column = column if column.dt.tz is None else column.dt.tz_convert(None)
            frame[name] = column.astype("datetime64[s]").astype("int64").astype("float64")
        elif pd.api.types.is_numeric_dtype(column):
            frame[name] = column.astype("float64").fillna(0.0)
        else:
            frame[name] = column.astype("object").where(column.notna(), None).map(str)
    frame.columns = range(len(frame.columns))
    if not question.parquet:
        frame = frame if question.ordered else frame.sort_values(0)
        return Answer(len(frame), 0, frame.reset_index(drop=True))
    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    if question.ordered:
        rows = rows * (np.arange(len(rows), dtype="uint64") * 2 + 1)
    return Answer(len(frame), int(rows.sum()))
