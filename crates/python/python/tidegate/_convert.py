"""Batches as what other packages have: frames, tables, matrices."""

from __future__ import annotations

import importlib
import os
import re
from typing import Any, Optional

from . import _native
from ._errors import MissingPackageError, UsageError
from ._result import faults_of

_NUMBERS = {
    "Boolean": "bool",
    "Int8": "int8",
    "Int16": "int16",
    "Int32": "int32",
    "Int64": "int64",
    "UInt8": "uint8",
    "UInt16": "uint16",
    "UInt32": "uint32",
    "UInt64": "uint64",
    "Float16": "float32",
    "Float32": "float32",
    "Float64": "float64",
}


class _Stream:
    """Batches for a library that is called here, so that what ends them can be raised as what it is."""

    def __init__(self, batches: _native.Batches) -> None:
        self._batches = batches

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._batches.capsule(foreign=False)


def need(package: str, what: str) -> Any:
    """Import a package that is not a part of ours.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] != package:
            raise
        raise MissingPackageError(f"{what} needs the package {package}", help=f"pip install {package}") from None


def to_arrow(batches: _native.Batches) -> Any:
    """Return the batches as a ``pyarrow.Table``."""
    pyarrow = need("pyarrow", "to_arrow")
    with faults_of(batches):
        return pyarrow.RecordBatchReader.from_stream(_Stream(batches)).read_all()


def to_polars(batches: _native.Batches) -> Any:
    """Return the batches as a ``polars.DataFrame``."""
    polars = need("polars", "to_polars")
    with faults_of(batches):
        return polars.DataFrame(_Stream(batches))


def to_numpy(batches: _native.Batches, *, out: Any = None, dtype: Any = None) -> Any:
    """Return the batches as a matrix; with `out`, as one in a file."""
    numpy = need("numpy", "to_numpy")
    if out is not None and not isinstance(out, (str, os.PathLike)):
        raise TypeError(f"out: expected a path, not {type(out).__name__}")
    name = _dtype(numpy, batches, dtype)
    if out is not None:
        if name == "object":
            raise UsageError(
                "out: a matrix in a file can have numbers alone", help="select the columns that are numbers"
            )
        shape = batches.write_npy(os.path.abspath(os.fsdecode(out)), name)
        if 0 in shape:
            # There is nothing to map.
            return numpy.load(out)
        return numpy.load(out, mmap_mode="r+")
    if name == "object":
        return _objects(numpy, batches.collect())
    values, shape = batches.matrix(name)
    return numpy.asarray(values).reshape(shape)


def to_pandas(batches: _native.Batches) -> Any:
    """Return the batches as a ``pandas.DataFrame``. Columns grow as batches come; none is in memory twice."""
    pandas = need("pandas", "to_pandas")
    numpy = importlib.import_module("numpy")
    columns: list[Any] = list(batches.columns(texts=True))
    names = [column.name for column in columns]
    arrays = {}
    for at in range(len(columns)):
        # Each column goes as soon as pandas has it.
        column, columns[at] = columns[at], None
        arrays[at] = _pandas_column(pandas, numpy, column)
        del column
    frame = pandas.DataFrame(arrays, copy=False)
    frame.columns = names if names else frame.columns
    return frame


def _dtype(numpy: Any, batches: _native.Batches, dtype: Any) -> str:
    """Return the name of the type that a matrix of these columns has."""
    if dtype is not None:
        try:
            return numpy.dtype(dtype).name
        except TypeError:
            raise TypeError(f"dtype: {dtype!r} is no type of NumPy") from None
    names = [
        _NUMBERS.get(kind) or ("float64" if kind.startswith("Decimal") else None) for _, kind, _ in batches.schema()
    ]
    known = [name for name in names if name is not None]
    if len(known) < len(names):
        return "object"
    return numpy.result_type(*known).name if known else "float64"


def _objects(numpy: Any, table: _native.Table) -> Any:
    width = len(table.schema_fields())
    matrix = numpy.empty((table.num_rows, width), dtype=object)
    for at in range(width):
        matrix[:, at] = table.column(at)
    return matrix


def _pandas_column(pandas: Any, numpy: Any, column: _native.Column) -> Any:
    if column.kind == "text":
        return _pandas_texts(pandas, column)
    if column.kind == "kept":
        return _pandas_objects(numpy, column)
    values = numpy.asarray(column)
    missing = column.missing()
    if missing is not None:
        values = _with_missing(numpy, values, numpy.asarray(missing))
    zone = column.zone
    if zone is not None:
        return pandas.Series(values, copy=False).dt.tz_localize("UTC").dt.tz_convert(_zone(zone))
    return values


def _with_missing(numpy: Any, values: Any, missing: Any) -> Any:
    if values.dtype.kind in "mM":
        values[missing] = numpy.array("NaT", dtype=values.dtype)
        return values
    if values.dtype.kind == "b":
        values = values.astype(object)
        values[missing] = None
        return values
    if values.dtype.kind != "f":
        values = values.astype("float64")
    values[missing] = numpy.nan
    return values


def _pandas_texts(pandas: Any, column: _native.Column) -> Any:
    """Return texts as pandas has them by default: ``str`` in pandas 3, objects before."""
    if int(re.match(r"\d+", pandas.__version__)[0]) < 3:  # pyright: ignore[reportOptionalSubscript]
        return pandas.Series(column.table().column(0), dtype=object)
    try:
        pyarrow = importlib.import_module("pyarrow")
    except ImportError:
        return pandas.Series(column.table().column(0), dtype="str")
    table = pyarrow.RecordBatchReader.from_stream(_Stream(column.table().to_batches())).read_all()
    return pandas.array(table.column(0), dtype="str")


def _pandas_objects(numpy: Any, column: _native.Column) -> Any:
    values = column.table().column(0)
    array: Any = numpy.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        array[at] = value
    return array


def _zone(zone: str) -> Optional[str]:
    return "UTC" if zone in ("UTC", "Z", "+00:00") else zone
