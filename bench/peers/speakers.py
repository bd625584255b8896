"""The tools that are asked in SQL: DuckDB, chDB, DataFusion."""

from __future__ import annotations

from pathlib import Path

from questions import AGENT, CLOCK, COLUMNS, FILES, LINE, NESTED, Question, sql

# The pattern without names.
PLAIN = LINE
for column in COLUMNS:
    PLAIN = PLAIN.replace(f"?P<{column}>", "")
DUCKDB_TYPES = dict.fromkeys(COLUMNS, "VARCHAR") | {
    "ts": "TIMESTAMP", "status": "USMALLINT", "bytes": "BIGINT", "request_time": "DOUBLE",
}  # fmt: skip


def flat(types: dict[str, str], access: str) -> str:
    """Return the columns of the table from those of NDJSON; `access` says how a field of `request` is named."""
    return ", ".join(f"{access.format(name)} AS {name}" if name in NESTED else name for name in types)


def duckdb(question: Question, form: str, data: Path, out: Path, limit: int | None) -> None:
    """https://duckdb.org/docs/stable/guides/performance: memory_limit, no insertion order for larger than memory."""
    import duckdb as module

    connection = module.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{out.parent}/duckdb.tmp'")
    if limit:
        connection.execute(f"SET memory_limit = '{int(limit * 0.8)}B'")
    path = data / FILES[form]
    if form == "csv":
        source = f"SELECT * FROM read_csv('{path}', header = true, columns = {DUCKDB_TYPES})"
    elif form == "ndjson":
        types = {name: kind for name, kind in DUCKDB_TYPES.items() if name not in NESTED}
        types["request"] = f"STRUCT({', '.join(f'{name} VARCHAR' for name in NESTED)})"
        columns = flat(DUCKDB_TYPES, "request.{}")
        source = f"SELECT {columns} FROM read_json('{path}', format = 'newline_delimited', columns = {types})"
    else:
        cast = {
            "ts": f"strptime(f.ts, '{CLOCK}')::TIMESTAMP",
            "status": "f.status::USMALLINT",
            "bytes": "try_cast(f.bytes AS BIGINT)",
            "request_time": "f.request_time::DOUBLE",
        }
        columns = ", ".join(f"{cast.get(name, f'''nullif(nullif(f.{name}, '-'), '')''')} AS {name}" for name in COLUMNS)
        pattern = PLAIN.replace("'", "''")
        source = (
            f"SELECT {columns} FROM (SELECT regexp_extract(line, '{pattern}', {list(COLUMNS)}) AS f FROM read_csv('{path}', "
            "header = false, columns = {'line': 'VARCHAR'}, delim = chr(1), quote = '', escape = '', auto_detect = false))"
        )
    connection.execute(f"CREATE VIEW t AS {source}")
    if question.name == "q7":
        connection.execute(f"CREATE VIEW countries AS SELECT * FROM read_csv('{data}/countries.csv', header = true)")
    words = sql(
        question,
        "date_trunc('minute', ts)",
        "date_trunc('hour', ts)",
        "quantile_cont(request_time, {})",
        f"regexp_matches(user_agent, '{AGENT}')",
    )
    kind = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1" if question.parquet else "FORMAT csv, HEADER true"
    connection.execute(f"COPY ({words}) TO '{out}' ({kind})")


def chdb(question: Question, form: str, data: Path, out: Path, limit: int | None) -> None:
    """https://clickhouse.com/docs: spilling by max_bytes_before_external_*, Regexp as the format of the log."""
    from chdb import session

    path = data / FILES[form]
    kinds = dict.fromkeys(COLUMNS, "Nullable(String)") | {
        "ts": "DateTime('UTC')", "status": "UInt16", "bytes": "Nullable(Int64)", "request_time": "Float64",
    }  # fmt: skip
    schema = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    if form == "csv":
        source = f"SELECT * FROM file('{path}', CSVWithNames, {quoted(schema)})"
    elif form == "ndjson":
        plain = [f"{name} {kind}" for name, kind in kinds.items() if name not in NESTED]
        request = ", ".join(f"{name} Nullable(String)" for name in NESTED)
        nested = quoted(", ".join([*plain, f"request Tuple({request})"]))
        source = f"SELECT {flat(kinds, 'request.{}')} FROM file('{path}', JSONEachRow, {nested})"
    else:
        lines = ", ".join(f"{name} String" for name in COLUMNS)
        cast = {
            "ts": "parseDateTime(ts, '%d/%b/%Y:%H:%i:%s %z', 'UTC') AS ts",
            "status": "toUInt16(status) AS status",
            "bytes": "toInt64OrNull(bytes) AS bytes",
            "request_time": "toFloat64(request_time) AS request_time",
        }
        columns = ", ".join(cast.get(name, f"nullIf(nullIf({name}, '-'), '') AS {name}") for name in COLUMNS)
        source = f"SELECT {columns} FROM (SELECT * FROM file('{path}', Regexp, {quoted(lines)}))"
    words = sql(
        question,
        "toStartOfMinute(ts)",
        "toStartOfHour(ts)",
        "quantileExactInclusive({})(request_time)",
        f"match(user_agent, {quoted(AGENT)})",
    ).replace("count(DISTINCT client)", "uniqExact(client)")
    settings = {
        "format_regexp": quoted(PLAIN),
        "format_regexp_escaping_rule": "'Raw'",
        "format_regexp_skip_unmatched": 1,
        "date_time_input_format": "'best_effort'",
        "output_format_parquet_compression_method": "'zstd'",
        "use_structure_from_insertion_table_in_table_functions": 0,
    }
    if limit:
        settings |= {
            "max_memory_usage": int(limit * 0.8),
            "max_bytes_before_external_group_by": int(limit * 0.4),
            "max_bytes_before_external_sort": int(limit * 0.2),
            "output_format_parquet_row_group_size": 100_000,
        }
    given = ", ".join(f"{name} = {value}" for name, value in settings.items())
    named = f"t AS ({source})"
    if question.name == "q7":
        named += f", countries AS (SELECT * FROM file('{data}/countries.csv', CSVWithNames))"
    kind = "Parquet" if question.parquet else "CSVWithNames"
    with session.Session() as connection:
        connection.query(f"INSERT INTO FUNCTION file('{out}', {kind}) WITH {named} {words} SETTINGS {given}")


def quoted(text: str) -> str:
    """Return a string literal of ClickHouse's."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def datafusion(question: Question, form: str, data: Path, out: Path, limit: int | None) -> None:
    """Reads CSV and NDJSON; it has no reader of lines."""
    import pyarrow as pa
    from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext

    runtime = RuntimeEnvBuilder()
    if limit:
        runtime = runtime.with_disk_manager_os().with_fair_spill_pool(int(limit * 0.7))
    context = SessionContext(SessionConfig().with_target_partitions(2), runtime)
    kinds = dict.fromkeys(COLUMNS, pa.string()) | {
        "ts": pa.timestamp("us"), "status": pa.uint16(), "bytes": pa.int64(), "request_time": pa.float64(),
    }  # fmt: skip
    path = str(data / FILES[form])
    if form == "csv":
        context.register_csv("t", path, schema=pa.schema(list(kinds.items())))
    elif form == "ndjson":
        plain = [(name, kind) for name, kind in kinds.items() if name not in NESTED]
        request = pa.struct([(name, pa.string()) for name in NESTED])
        context.register_json("lines", path, schema=pa.schema([*plain, ("request", request)]), file_extension=".ndjson")
        context.sql(f"CREATE VIEW t AS SELECT {flat(kinds, 'request[{!r}]')} FROM lines").collect()
    else:
        raise NotImplementedError("DataFusion has no reader of lines")
    if question.name == "q7":
        context.register_csv("countries", str(data / "countries.csv"))
    frame = context.sql(words_of_datafusion(question))
    if question.parquet:
        frame.write_parquet(str(out), compression="zstd", compression_level=1)
    else:
        frame.write_csv(str(out), with_header=True)


def words_of_datafusion(question: Question) -> str:
    """Return a question in DataFusion's words, which are Tidegate's."""
    return sql(
        question,
        "date_trunc('minute', ts)",
        "date_trunc('hour', ts)",
        "percentile_cont(request_time, {})",
        f"regexp_like(user_agent, '{AGENT}')",
    )


def tidegate_words(question: Question, form: str, data: Path) -> str:
    """Return a question as `tidegate query` takes it."""
    words = words_of_datafusion(question)
    path = data / FILES[form]
    source = f"'{path}'"
    if form == "ndjson":
        source = f"(SELECT {flat(dict.fromkeys(COLUMNS, ''), 'request[{!r}]')} FROM '{path}') AS t"
    return words.replace("FROM t", f"FROM {source}").replace("JOIN countries ON", f"JOIN '{data}/countries.csv' AS countries ON")


SPEAKERS = {"duckdb": duckdb, "chdb": chdb, "datafusion": datafusion}
