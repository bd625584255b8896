"""Functions of the person between batches: in this process, or in guarded worker processes."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Callable, Literal, Optional

from . import _native, _tables
from ._convert import need
from ._errors import TidegateError, UsageError
from ._result import Result, Rows

if TYPE_CHECKING:
    from ._udf_workers import Workers

As = Literal["arrow", "pandas", "polars", "table"]

_KINDS = ("arrow", "pandas", "polars", "table")

#: Arrow's names for the types that people name.
_TYPES = {
    "bool": "Boolean",
    "boolean": "Boolean",
    "int": "Int64",
    "float": "Float64",
    "double": "Float64",
    "str": "Utf8",
    "string": "Utf8",
    "text": "Utf8",
    "object": "Utf8",
    "bytes": "Binary",
    "binary": "Binary",
    "date": "Date32",
    "datetime": "Timestamp(µs)",
    "timestamp": "Timestamp(µs)",
    "timedelta": "Duration(µs)",
    "decimal": "Decimal128(38, 10)",
    **{f"{sign}int{bits}": f"{sign.upper()}Int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"Float{bits}" for bits in (16, 32, 64)},
}

_CLASSES: dict[object, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bytes",
    datetime.date: "date",
    datetime.datetime: "datetime",
    datetime.timedelta: "timedelta",
    decimal.Decimal: "decimal",
}

#: What a process needs at least: Python, and what the function imports.
_LEAST_PART = 96 << 20
_LEAST_ENGINE = 64 << 20


def map_batches(
    rows: Rows, function: Callable[[Any], Any], *, schema: Any = None, as_: As = "arrow", workers: int = 0
) -> Result:
    """Return what a function makes of rows; see :meth:`Rows.map_batches`."""
    if not callable(function):
        raise TypeError(f"function: expected a function of a batch, not {type(function).__name__}")
    if as_ not in _KINDS:
        raise UsageError(f"as_: {as_!r} is none of {', '.join(_KINDS)}")
    if isinstance(workers, bool) or not isinstance(workers, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"workers: expected int, not {type(workers).__name__}")
    if workers < 0:
        raise UsageError(f"workers: {workers} is below 0")
    like = None if schema is None else table_like(schema)
    if workers:
        return _in_processes(rows, function, like, as_, workers)

    def make() -> _native.Batches:
        batches = rows._batches()
        return _stream(_here(batches, function, as_), like)

    return _mapped(rows, make)


def apply(function: Callable[[Any], Any], batch: _native.Table, as_: str) -> _native.Table:
    """Return what a function makes of one batch."""
    return _given_back(function(_given(batch, as_)))


def table_like(schema: Any) -> _native.Table:
    """Return a table without rows that has the columns of a schema.

    Raises
    ------
    TypeError
        If it is no schema.
    """
    if isinstance(schema, Mapping):
        columns: list[tuple[str, str]] = []
        mapping: Mapping[Any, Any] = schema
        for name, kind in mapping.items():
            columns.append((str(name), _type_name(str(name), kind)))
        return _native.Table.of_fields(columns)
    if hasattr(schema, "__arrow_c_schema__"):
        return _native.Table.of_schema(schema.__arrow_c_schema__())
    raise TypeError(
        f"schema: expected a mapping of names to types, or an object with __arrow_c_schema__, "
        f"not {type(schema).__name__}"
    )


def _type_name(name: str, kind: Any) -> str:
    known = _CLASSES.get(kind, kind) if isinstance(kind, type) else kind
    if not isinstance(known, str):
        if hasattr(kind, "__arrow_c_schema__"):
            return _native.Table.of_schema(_AsField(name, kind).schema()).schema_fields()[0][1]
        raise TypeError(f"schema[{name!r}]: {kind!r} is no type; write it as 'int64', 'float64', 'str' or 'datetime'")
    return _TYPES.get(known.lower(), known)


class _AsField:
    """A type of PyArrow as a schema of one field."""

    def __init__(self, name: str, kind: Any) -> None:
        self._name, self._kind = name, kind

    def schema(self) -> Any:
        pyarrow = need("pyarrow", "a schema with types of pyarrow")
        return pyarrow.schema([(self._name, self._kind)]).__arrow_c_schema__()


def _mapped(rows: Rows, make: Callable[[], _native.Batches]) -> Result:
    result = Result(make=make)
    result._source = rows
    return result


def _here(batches: _native.Batches, function: Callable[[Any], Any], as_: str) -> Iterator[_native.Table]:
    met = False
    while (batch := batches.next()) is not None:
        met = True
        yield apply(function, batch, as_)
    if not met:
        # So that a function tells its columns of no rows, too.
        yield apply(function, batches.empty(), as_)


def _stream(tables: Iterator[_native.Table], like: Optional[_native.Table]) -> _native.Batches:
    """Return tables as batches that all have the columns of `like`, or of the first of them."""
    first: list[_native.Table] = []
    if like is None:
        first = [next(tables)]
        like = first[0]
    columns = like

    def conformed() -> Iterator[_native.Table]:
        yield from first
        for table in tables:
            yield table.conform(columns)

    return _native.Batches.of_iterator(columns, conformed())


def _given(batch: _native.Table, as_: str) -> Any:
    """Return a batch as the function takes it."""
    from ._table import Table

    table = Table(batch)
    if as_ == "table":
        return table
    if as_ == "pandas":
        return table.to_pandas()
    if as_ == "polars":
        return table.to_polars()
    whole = table.to_arrow().combine_chunks()
    batches = whole.to_batches()
    return batches[0] if batches else need("pyarrow", "map_batches").RecordBatch.from_pylist([], schema=whole.schema)


def _given_back(value: Any) -> _native.Table:
    """Return what the function returned as a native table."""
    if value is None:
        raise TypeError("the function of map_batches returned None; it has to return a batch")
    try:
        return _tables.native_table("what the function of map_batches returned", value)
    except TidegateError as error:
        raise error from None


def _in_processes(
    rows: Rows, function: Callable[[Any], Any], like: Optional[_native.Table], as_: str, workers: int
) -> Result:
    from ._udf_workers import Workers, pickled

    packed = pickled(function)
    source, part = _divided(rows, workers)

    def make() -> _native.Batches:
        batches = source._batches()
        return _stream(_there(Workers(packed, as_, workers, part), batches), like)

    return _mapped(source, make)


def _there(workers: Workers, batches: _native.Batches) -> Iterator[_native.Table]:
    """Yield what processes make of batches, in order."""
    with workers:
        met = False
        while (batch := batches.next()) is not None:
            met = True
            done = workers.give(batch)
            if done is not None:
                yield done
        if not met:
            workers.give(batches.empty())
        yield from workers.rest()


def _divided(rows: Rows, workers: int) -> tuple[Rows, Optional[int]]:
    """Return the rows with half of their limit, and what each process may show the kernel of the rest."""
    run = rows._run if isinstance(rows, Result) else None
    if run is None or not isinstance(rows, Result) or rows.started or run.limit is None:
        return rows, None
    engine = max(_LEAST_ENGINE, run.limit // 2)
    part = (run.limit - engine) // workers
    if part < _LEAST_PART:
        raise UsageError(
            f"workers: a limit of {run.limit:,} bytes leaves {max(0, part):,} for each of {workers} processes",
            help=f"at least {_LEAST_PART:,} are needed; raise the limit, or have fewer",
        )
    return Result(run.with_limit(engine)), part
