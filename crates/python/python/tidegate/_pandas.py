"""Frames of pandas as tables: by PyArrow where it is installed, else column by column as NumPy has them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Optional

from . import _native
from ._errors import MissingPackageError
from ._table import Table

_NUMBERS = {"i": "Int", "u": "UInt", "f": "Float"}
_UNITS = {"s": "s", "ms": "ms", "us": "µs", "ns": "ns"}

Column = tuple[str, str, object, Optional[bytes]]


def table_of(name: str, frame: Any) -> Any:
    """Return a frame as something with ``__arrow_c_stream__``.

    An index that has a name becomes a column; one that has none is dropped.

    Parameters
    ----------
    name : str
        What the frame is called in errors.
    frame : pandas.DataFrame
        The frame.

    Raises
    ------
    MissingPackageError
        If a column takes PyArrow, and that is not installed.
    """
    if any(level is not None for level in frame.index.names):
        frame = frame.reset_index()
    try:
        pyarrow: Any = import_module("pyarrow")
    except ImportError:
        places = range(len(frame.columns))
        columns = [_column(name, str(frame.columns[at]), frame.iloc[:, at]) for at in places]
        return Table(_native.Table.of_columns(columns))
    return pyarrow.Table.from_pandas(frame, preserve_index=False)


def _column(name: str, label: str, series: Any) -> Column:
    """Return a column; what is NaN, NaT or None is missing."""
    missing = series.isna().to_numpy()
    gone = missing.tobytes() if missing.any() else None
    dtype, zone = series.dtype, None
    if getattr(dtype, "tz", None) is not None:
        series, zone = series.dt.tz_convert("UTC").dt.tz_localize(None), "UTC"
    elif hasattr(dtype, "numpy_dtype") and dtype.numpy_dtype.kind in "iufb":
        # Numbers beside a mask: what stands where one is missing does not count.
        series = series.fillna(dtype.type(0)).astype(dtype.numpy_dtype)
    values = series.to_numpy()
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    kind = _type_of(values.dtype, zone)
    if kind is not None:
        return label, kind, values.tobytes(), gone
    texts = [None if is_gone else value for value, is_gone in zip(values.tolist(), missing.tolist())]
    odd = next((value for value in texts if value is not None and not isinstance(value, str)), None)
    if odd is not None:
        raise MissingPackageError(
            f"{name}: column `{label}` of the pandas frame holds {type(odd).__name__}, which takes the package pyarrow",
            help="pip install pyarrow",
        )
    return label, "LargeUtf8", texts, None


def _type_of(dtype: Any, zone: Optional[str]) -> Optional[str]:
    """Return Arrow's name for a type of NumPy; nothing for objects."""
    if dtype.kind == "b":
        return "Boolean"
    if dtype.kind in _NUMBERS and dtype.itemsize <= 8:
        return f"{_NUMBERS[dtype.kind]}{dtype.itemsize * 8}"
    if dtype.kind in "mM":
        unit = _UNITS.get(dtype.name.partition("[")[2].rstrip("]"))
        if unit is not None and dtype.kind == "m":
            return f"Duration({unit})"
        if unit is not None:
            return f'Timestamp({unit}, "{zone}")' if zone else f"Timestamp({unit})"
    return None
