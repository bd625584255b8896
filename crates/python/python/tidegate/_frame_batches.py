"""``.map_batches(fn)``: a function of the user between two queries, fed batch by batch."""

from __future__ import annotations

from tidegate._errors import MissingPackageError
from tidegate._expr_base import check_text
from tidegate._frame_plan import Mapped, Plan
from tidegate._frame_run import Ready, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Callable


_FORMATS = ("pandas", "polars", "arrow")
_ARROW_TYPES = {
    "bool": "bool",
    "int": "int64",
    "float": "float64",
    "str": "string",
    "bytes": "binary",
    "date": "date32",
    "datetime": "timestamp[us]",
    "double": "float64",
    "text": "string",
    "utf8": "string",
    "object": "string",
    "boolean": "bool",
    "timestamp": "timestamp[us]",
}
_counter = iter(range(1, 2**63))


def mapped(
    plan: Plan,
    settings: Settings,
    function: Callable[[Any], Any],
    schema: Any,
    batch_format: str,
) -> Mapped:
    """Return the plan of what a function makes of another plan's batches."""
    if not callable(function):
        raise TypeError(f"function is of type {type(function).__name__}; expected a function of a batch")
    if check_text(batch_format, "batch_format") not in _FORMATS:
        raise ValueError(f"batch_format is {batch_format!r}; expected 'pandas', 'polars' or 'arrow'")
    expected = None if schema is None else _arrow_schema(schema)

    def stream() -> Any:
        pyarrow = _pyarrow()
        reader = pyarrow.RecordBatchReader.from_stream(Ready(plan, settings).execute())
        return _reader(reader, function, expected, batch_format)

    return Mapped(plan, f"_batches_{next(_counter)}", stream, None)


def _reader(
    reader: Any,
    function: Callable[[Any], Any],
    expected: Any,
    batch_format: str,
) -> Any:
    """Return the function's batches as a stream. Without a schema, the first of them says what the others are."""
    pyarrow = _pyarrow()
    tables = _tables(reader, function, batch_format)
    if expected is None:
        first = next(tables, None)
        if first is None:
            raise ValueError("there is no batch to take the columns from; give map_batches a schema")
        expected = first.schema
        tables = _before(first, tables)
    schema = expected

    def batches() -> Iterator[Any]:
        for table in tables:
            yield from _fitted(table, schema).to_batches()

    return pyarrow.RecordBatchReader.from_batches(schema, batches())


def _tables(reader: Any, function: Callable[[Any], Any], batch_format: str) -> Iterator[Any]:
    met = False
    for batch in reader:
        met = True
        yield _table_of(function(_given(batch, batch_format)))
    if not met:
        # So that a function says its columns of no rows, too.
        empty = reader.schema.empty_table().to_batches() or [
            _pyarrow().RecordBatch.from_pylist([], schema=reader.schema)
        ]
        yield _table_of(function(_given(empty[0], batch_format)))


def _before(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _given(batch: Any, batch_format: str) -> Any:
    """Return a batch in the form that the function takes."""
    if batch_format == "arrow":
        return batch
    if batch_format == "polars":
        import polars

        polars_module: Any = polars
        return polars_module.from_arrow(batch)
    return batch.to_pandas()


def _table_of(value: object) -> Any:
    """Return what the function gave as an Arrow table."""
    pyarrow = _pyarrow()
    if isinstance(value, pyarrow.RecordBatch):
        return pyarrow.Table.from_batches([value])
    if isinstance(value, pyarrow.Table):
        return value
    if type(value).__module__.partition(".")[0] == "pandas" and type(value).__name__ == "DataFrame":
        return pyarrow.Table.from_pandas(value, preserve_index=False)
    if hasattr(value, "__arrow_c_stream__"):
        return pyarrow.table(value)
    raise TypeError(
        f"the function of map_batches returned a value of type {type(value).__name__}; expected a pandas frame, "
        "a Polars frame, or a PyArrow table or batch"
    )


def _fitted(table: Any, schema: Any) -> Any:
    """Return a table with the columns and types of the stream."""
    if table.schema.equals(schema):
        return table
    missing = [name for name in schema.names if name not in table.schema.names]
    further = [name for name in table.schema.names if name not in schema.names]
    if missing or further:
        parts = [f"has no column {', '.join(map(repr, missing))}"] if missing else []
        parts += [f"has the column {', '.join(map(repr, further))}, which the first had not"] if further else []
        raise ValueError(f"a batch that the function of map_batches returned {' and '.join(parts)}")
    return table.select(schema.names).cast(schema)


def _arrow_schema(schema: Any) -> Any:
    pyarrow = _pyarrow()
    if isinstance(schema, pyarrow.Schema):
        return schema
    if not hasattr(schema, "items"):
        raise TypeError(
            f"schema is of type {type(schema).__name__}; expected a dict of names and types, or a PyArrow schema"
        )
    return pyarrow.schema([(str(name), _arrow_type(str(name), dtype)) for name, dtype in schema.items()])


def _arrow_type(name: str, dtype: object) -> Any:
    pyarrow = _pyarrow()
    if isinstance(dtype, pyarrow.DataType):
        return dtype
    text = (dtype.__name__ if isinstance(dtype, type) else str(dtype)).lower()
    try:
        return pyarrow.type_for_alias(_ARROW_TYPES.get(text, text))
    except ValueError:
        raise TypeError(
            f"schema[{name!r}] is {dtype!r}; expected a type such as int, 'float64' or 'datetime'"
        ) from None


def _pyarrow() -> Any:
    try:
        import pyarrow  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise MissingPackageError("map_batches needs PyArrow", help="pip install pyarrow") from error
    return pyarrow
