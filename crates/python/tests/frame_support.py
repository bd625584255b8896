"""Small data for tests of frames, the same for Tidegate, pandas and Polars."""

from __future__ import annotations

import csv
import datetime
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import tidegate as tg

TYPES = {"bool": "bool", "int": "int64", "float": "float64", "text": "text", "time": "timestamp"}


def write_csv(path: Path, columns: dict[str, tuple[str, list[Any]]]) -> tg.LazyFrame:
    """Write columns, each a type and its values, to a CSV file, and return it as a frame."""
    import tidegate as tg

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*([_cell(value) for value in values] for _, values in columns.values())))
    types = {name: TYPES[kind] for name, (kind, _) in columns.items()}
    return tg.scan(path, format="csv", types=types, header=True, limit="256MB")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value)


def to_polars(columns: dict[str, tuple[str, list[Any]]]) -> Any:
    """Return columns as a Polars frame."""
    import polars as pl

    types = {"bool": pl.Boolean, "int": pl.Int64, "float": pl.Float64, "text": pl.String, "time": pl.Datetime("us")}
    return pl.DataFrame({name: pl.Series(name, values, dtype=types[kind]) for name, (kind, values) in columns.items()})


def to_pandas(columns: dict[str, tuple[str, list[Any]]]) -> Any:
    """Return columns as a pandas frame, with pandas' types for missing values."""
    import pandas as pd

    types = {"bool": "boolean", "int": "Int64", "float": "Float64", "text": "string", "time": "datetime64[us]"}
    series = {name: pd.Series(values, dtype=types[kind]) for name, (kind, values) in columns.items()}
    return pd.DataFrame(series)


def plain(value: Any) -> Any:
    """Return a value as Python's own, so that the three can be compared: no value is ``None``, times have no zone."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:
        value = item()
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return value
    if isinstance(value, (list, tuple)) or type(value).__name__ in ("Series", "ndarray"):
        return [plain(part) for part in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same: whole numbers and floats compare, floats but for the last digits."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return left is right
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return left == right or math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)
    return left == right


def rows_of(frame: tg.LazyFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as Python's values."""
    return [{name: plain(value) for name, value in row.items()} for row in frame.to_arrow().to_pylist()]


def column_of(rows: list[dict[str, Any]], name: str) -> list[Any]:
    """Return one column of rows."""
    return [row[name] for row in rows]
