"""Tidegate: queries over logs far bigger than memory, inside a memory limit that the kernel agrees with.

>>> import tidegate as tg
>>> tg.sql("SELECT 1 AS one").to_arrow()  # doctest: +SKIP
>>> tg.scan("logs/*.log", limit="512MB").filter(tg.col("status") == 500).to_pandas()  # doctest: +SKIP

The engine runs in a worker process, so this one keeps its memory. Everything is imported when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._check import Edit as Edit
    from ._check import Finding as Finding
    from ._check import check as check
    from ._engine import forecast as forecast
    from ._engine import forecast_pandas as forecast_pandas
    from ._engine import release_workers as release_workers
    from ._engine import worker_pids as worker_pids
    from ._errors import CancelledError as CancelledError
    from ._errors import DiskError as DiskError
    from ._errors import InputError as InputError
    from ._errors import MemoryLimitError as MemoryLimitError
    from ._errors import MissingPackageError as MissingPackageError
    from ._errors import Place as Place
    from ._errors import QueryError as QueryError
    from ._errors import RejectsError as RejectsError
    from ._errors import RunError as RunError
    from ._errors import TidegateError as TidegateError
    from ._errors import UsageError as UsageError
    from ._errors import WorkerLost as WorkerLost
    from ._expr import Expr as Expr
    from ._forecasts import Forecast as Forecast
    from ._forecasts import PandasForecast as PandasForecast
    from ._frame import LazyFrame as LazyFrame
    from ._functions import all as all
    from ._functions import coalesce as coalesce
    from ._functions import col as col
    from ._functions import concat_str as concat_str
    from ._functions import exclude as exclude
    from ._functions import len as len
    from ._functions import lit as lit
    from ._functions import max_horizontal as max_horizontal
    from ._functions import min_horizontal as min_horizontal
    from ._functions import row_number as row_number
    from ._functions import sql_expr as sql_expr
    from ._functions import when as when
    from ._limit import MemoryLimit as MemoryLimit
    from ._limit import limit_memory as limit_memory
    from ._manager import MemoryManager as MemoryManager
    from ._manager import Pressure as Pressure
    from ._manager import ReleasePlan as ReleasePlan
    from ._memory import Memory as Memory
    from ._memory import memory as memory
    from ._monitor import Monitor as Monitor
    from ._monitor import monitor as monitor
    from ._native import VERSION as __version__
    from ._notebook import load_ipython_extension as load_ipython_extension
    from ._notebook import unload_ipython_extension as unload_ipython_extension
    from ._processor import DataProcessor as DataProcessor
    from ._processor import Turn as Turn
    from ._profile import profile as profile
    from ._release import Released as Released
    from ._release import release_memory as release_memory
    from ._result import Field as Field
    from ._result import Progress as Progress
    from ._result import Result as Result
    from ._scan import register as register
    from ._scan import scan as scan
    from ._scan import sql as sql
    from ._scan import table as table
    from ._scan import unregister as unregister
    from ._table import Table as Table

#: The module of each public name. Type checkers read the imports above; a test holds the one to the other.
_PLACES = {
    "_check": ("Edit", "Finding", "check"),
    "_engine": ("forecast", "forecast_pandas", "release_workers", "worker_pids"),
    "_errors": (
        "CancelledError",
        "DiskError",
        "InputError",
        "MemoryLimitError",
        "MissingPackageError",
        "Place",
        "QueryError",
        "RejectsError",
        "RunError",
        "TidegateError",
        "UsageError",
        "WorkerLost",
    ),
    "_expr": ("Expr",),
    "_forecasts": ("Forecast", "PandasForecast"),
    "_frame": ("LazyFrame",),
    "_functions": (
        "all",
        "coalesce",
        "col",
        "concat_str",
        "exclude",
        "len",
        "lit",
        "max_horizontal",
        "min_horizontal",
        "row_number",
        "sql_expr",
        "when",
    ),
    "_limit": ("MemoryLimit", "limit_memory"),
    "_manager": ("MemoryManager", "Pressure", "ReleasePlan"),
    "_memory": ("Memory", "memory"),
    "_monitor": ("Monitor", "monitor"),
    "_notebook": ("load_ipython_extension", "unload_ipython_extension"),
    "_processor": ("DataProcessor", "Turn"),
    "_profile": ("profile",),
    "_release": ("Released", "release_memory"),
    "_result": ("Field", "Progress", "Result"),
    "_scan": ("register", "scan", "sql", "table", "unregister"),
    "_table": ("Table",),
}

_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll] - what is exported stands above
    "__version__",
    *(name for name in _MODULES if name not in ("all", "len") and not name.endswith("_ipython_extension")),
]


def __getattr__(name: str) -> Any:
    """Import what is used for the first time."""
    from importlib import import_module

    if name == "__version__":
        value = import_module(f"{__name__}._native").VERSION
    elif name in _MODULES:
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return all public names, also those that were not used yet."""
    return sorted({"__version__", *globals(), *_MODULES})
