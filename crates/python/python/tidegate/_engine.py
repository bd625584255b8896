"""The way into the engine: start a query, forecast one. The other modules call this one alone.

Queries run in worker processes, so that the engine's memory is never inside this one. A worker is started by the first
query that needs one, and is kept warm for the next. It ends with this process, however that ends.

For the other modules of the package::

    from tidegate import _engine

    result = _engine.execute("SELECT status FROM 'access.log'", limit="512MB")
    result.schema            # starts the query, waits for its columns
    result.iter_batches()    # reads it; what is not read makes the worker wait

    # a table of this process, named in the SQL as an identifier
    _engine.execute("SELECT * FROM ips", tables={"ips": frame})

    # the same table for many queries: written once
    kept = _tables.keep("ips", frame)
    _engine.execute("SELECT * FROM ips", tables={"ips": kept})

A :class:`~tidegate._result.Result` is one run of one query, and is read once. Whoever is lazy calls :func:`execute`
anew.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from . import _native
from ._errors import TidegateError, UsageError

if TYPE_CHECKING:
    from ._forecasts import Forecast, PandasForecast
    from ._result import Progress, Result

PathLike = Union[str, "os.PathLike[str]"]
Size = Union[str, int]

_FORMATS = ("parquet", "csv", "ndjson", "arrow")

_lock = threading.Lock()
_pool: Optional[_native.Pool] = None
#: Pools of the processes that this one was forked from. Kept, because their workers are not ours to end.
_inherited: list[_native.Pool] = []


def execute(
    sql: str,
    *,
    limit: Optional[Size] = None,
    threads: Optional[int] = None,
    tables: Optional[Mapping[str, Any]] = None,
    output: Optional[PathLike] = None,
    format: Optional[str] = None,
    max_rejects: Optional[Size] = None,
    rejects: Optional[PathLike] = None,
    on_progress: Optional[Callable[[Progress], object]] = None,
) -> Result:
    """Return the result of a query. The query starts when something of the result is asked for.

    Parameters
    ----------
    sql : str
        The query.
    limit : str or int, optional
        The most resident memory that the worker may show the kernel: ``"512MB"``, ``"2GiB"``, ``"75%"``, ``"none"``,
        or a number of bytes. By default ``TIDEGATE_LIMIT``, or 75 % of what the machine or the cgroup allows.
    threads : int, optional
        How many threads execute; by default as many as there are cores.
    tables : mapping of str to object, optional
        Tables by the names that the SQL has for them. Each is an object with ``__arrow_c_stream__`` (a Polars frame, a
        PyArrow table, a result), a pandas frame, or a function without arguments that returns one of them anew each
        time. Results and what functions return are read once, as a stream; a query that names one twice is refused.
    output : path, optional
        The file that the rows go to, which appears whole or not at all. Then the query is run to its end here, and the
        result has no rows, but a record.
    format : str, optional
        The format of ``output``: ``"parquet"``, ``"csv"``, ``"ndjson"`` or ``"arrow"``; by default by its extension.
    max_rejects : str or int, optional
        How many lines may be unreadable: ``"1%"``, which is the default, or a number.
    rejects : path, optional
        The file that unreadable lines go to, as NDJSON.
    on_progress : callable, optional
        Called with a :class:`Progress` as the query goes on, ten times a second at most, in the thread that reads.
        What it raises cancels the query.

    Returns
    -------
    Result

    Raises
    ------
    TypeError
        If an argument has the wrong type; it is named.
    UsageError
        If an argument has the right type, but makes no sense. What fails later is raised by the result.

    Examples
    --------
    >>> from tidegate._engine import execute
    >>> execute("SELECT 1 AS one, 'two' AS two").collect().rows()
    [(1, 'two')]
    """
    from ._result import Result
    from ._run import Run

    run = Run(
        sql=_text("sql", sql),
        limit=limit_of(limit),
        threads=_threads(threads),
        tables=_tables(tables),
        output=_path("output", output),
        format=_format(format, output),
        max_rejects=_share("max_rejects", max_rejects),
        rejects=_path("rejects", rejects),
        on_progress=_callable("on_progress", on_progress),
    )
    return Result(run) if run.output is None else Result(run).wait()


def forecast(
    sql: str, *, limit: Optional[Size] = None, threads: Optional[int] = None, tables: Optional[Mapping[str, Any]] = None
) -> Forecast:
    """Return what a query will need. The query is not run; samples of its files are.

    Parameters
    ----------
    sql : str
        The query.
    limit : str or int, optional
        The limit that the query would have, as of :func:`execute`.
    threads : int, optional
        The threads that it would have.
    tables : mapping of str to object, optional
        As of :func:`execute`. Each is written to a file without a name, of which samples are read; a result, which is
        read once, is refused.

    Returns
    -------
    Forecast

    Raises
    ------
    QueryError, UsageError, InputError
        As the query itself would.

    Examples
    --------
    >>> ips = tg.sql("SELECT value AS n FROM range(0, 100000)").collect()
    >>> forecast = tg.forecast("SELECT count(DISTINCT n) FROM ips", limit="256MB", tables={"ips": ips})
    >>> 0 < forecast.peak.expected <= forecast.bound <= 256_000_000
    True
    """
    from ._forecasts import Forecast, run_json

    arguments = ["forecast", "--format", "json", "--limit", str(_limit_argument(limit_of(limit)))]
    if _threads(threads) is not None:
        arguments += ["--threads", str(threads)]
    text, kept = _text("sql", sql), []
    if tables:
        from ._sql_text import identifier, literal, with_tables
        from ._tables import written

        # The program knows no tables of ours, but their files as it knows all others.
        kept = [(name, written(name, table)) for name, table in _tables(tables).items()]
        named = [(identifier(name), f"SELECT * FROM {literal(table.path)}") for name, table in kept]
        text = with_tables(named, text)
    forecast = Forecast(run_json([*arguments, "--", text]))
    # The files are gone with what keeps them.
    del kept
    return forecast


def forecast_pandas(path: PathLike, *, columns: Optional[list[str]] = None) -> PandasForecast:
    r"""Return what pandas would need to read a file, and the line to write.

    Parameters
    ----------
    path : path
        A CSV or NDJSON file, or an access log.
    columns : list of str, optional
        The columns that are needed; by default all.

    Returns
    -------
    PandasForecast

    Raises
    ------
    InputError
        If the file cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "f.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("a,b\n" + "1,x\n" * 1000)
    ...     tg.forecast_pandas(path).bound > 8000
    True
    """
    from ._forecasts import PandasForecast, run_json

    arguments = ["forecast", "--format", "json"]
    if columns is not None:
        names: Any = columns
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"columns: expected a list of names, not {columns!r}")
        arguments += ["--columns", ",".join(columns)]
    if _path("path", path) is None:
        raise TypeError("path: expected a path, not None")
    return PandasForecast(run_json([*arguments, "--pandas", os.fspath(path)]))


def binary() -> str:
    """Return the path of the ``tidegate`` program: ``TIDEGATE_BINARY``, or the one that came with this package.

    Raises
    ------
    TidegateError
        If there is none.
    """
    named = os.environ.get("TIDEGATE_BINARY")
    if named:
        return named
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "tidegate")
    if os.path.isfile(beside):
        return beside
    import shutil

    found = shutil.which("tidegate")
    if found:
        return found
    raise TidegateError("the tidegate program was not found", help="set TIDEGATE_BINARY to its path")


def worker_pids() -> list[int]:
    """Return the processes of all workers of this process, at work and waiting.

    Examples
    --------
    >>> _ = tg.sql("SELECT 1").collect()
    >>> len(tg.worker_pids()) > 0
    True
    """
    return [] if _pool is None else _pool.pids()


def release_workers() -> int:
    """End the workers that wait, and return how many bytes they showed the kernel.

    Examples
    --------
    >>> _ = tg.sql("SELECT 1").collect()
    >>> tg.release_workers() > 1_000_000
    True
    """
    return 0 if _pool is None else _pool.release()


def pool() -> _native.Pool:
    """Return the workers of this process."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = _native.Pool(binary())
            atexit.register(_pool.close)
        return _pool


def limit_of(limit: Optional[Size]) -> Optional[int]:
    """Return a limit in bytes; ``None`` is that there is none.

    Parameters
    ----------
    limit : str or int, optional
        As of :func:`execute`.
    """
    if limit is None:
        limit = os.environ.get("TIDEGATE_LIMIT") or "75%"
    if isinstance(limit, bool) or not isinstance(limit, (str, int)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"limit: expected a size such as '512MB', not {type(limit).__name__}")
    bytes_ = _native.limit_bytes(str(limit))
    least = 64 << 20
    if bytes_ is not None and bytes_ < least:
        raise UsageError(f"limit: {limit} is below 64 MiB, the least that works")
    return bytes_


def task_json(**fields: Any) -> str:
    """Return a task in the words of the worker protocol."""
    return json.dumps({"folder": os.getcwd(), **{name: value for name, value in fields.items() if value is not None}})


def _limit_argument(limit: Optional[int]) -> Size:
    return "none" if limit is None else limit


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected str, not {type(value).__name__}")
    return value


def _path(name: str, value: Any) -> Optional[str]:
    if value is None:
        return None
    try:
        return os.path.abspath(os.fsdecode(value))
    except TypeError:
        raise TypeError(f"{name}: expected a path, not {type(value).__name__}") from None


def _threads(threads: Any) -> Optional[int]:
    if threads is None:
        return None
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise TypeError(f"threads: expected int, not {type(threads).__name__}")
    if not 1 <= threads <= 1024:
        raise UsageError(f"threads: {threads} is not between 1 and 1024")
    return threads


def _format(format: Any, output: Any) -> Optional[str]:
    if format is None:
        return None
    if not isinstance(format, str):
        raise TypeError(f"format: expected str, not {type(format).__name__}")
    if format not in _FORMATS:
        raise UsageError(f"format: {format!r} is none of {', '.join(_FORMATS)}")
    if output is None:
        raise UsageError("format: there is no `output` that it could be of")
    return format


def _share(name: str, value: Any) -> Optional[str]:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError(f"{name}: expected a share such as '1%' or a number, not {type(value).__name__}")
    return str(value)


def _callable(name: str, value: Any) -> Optional[Callable[..., object]]:
    if value is not None and not callable(value):
        raise TypeError(f"{name}: expected a function, not {type(value).__name__}")
    return value


def _tables(tables: Any) -> dict[str, Any]:
    if tables is None:
        return {}
    if not isinstance(tables, Mapping):
        raise TypeError(f"tables: expected a mapping of names to tables, not {type(tables).__name__}")
    from ._tables import check

    named: dict[str, Any] = {}
    for name, table in tables.items():
        if not isinstance(name, str):
            raise TypeError(f"tables: expected names that are str, not {type(name).__name__}")
        check(f"tables[{name!r}]", table)
        named[name] = table
    return named


def _after_fork_in_child() -> None:
    """Leave the parent's workers to the parent: our ends of their sockets are closed, and the pool is forgotten."""
    global _pool, _lock
    for end in _native.inherited_sockets():
        os.close(end)
    _lock = threading.Lock()
    if _pool is not None:
        _inherited.append(_pool)
        atexit.unregister(_pool.close)
        _pool = None


os.register_at_fork(after_in_child=_after_fork_in_child)
