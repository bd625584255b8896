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

A :class:`~tidegate._result.Result` is one run of one query, and is read once. Whoever is lazy calls :func:`execute` anew.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

if TYPE_CHECKING:
    from ._result import Progress, Result

PathLike = Union[str, "os.PathLike[str]"]
Size = Union[str, int]


def execute(
    sql: str,
    *,
    limit: Optional[Size] = None,
    threads: Optional[int] = None,
    tables: Optional[Mapping[str, Any]] = None,
    output: Optional[PathLike] = None,
    format: Optional[str] = None,
    max_rejects: Optional[Union[str, int]] = None,
    rejects: Optional[PathLike] = None,
    on_progress: Optional[Callable[[Progress], object]] = None,
) -> Result:
    """Return the result of a query. The query starts when something of the result is asked for.

    Parameters
    ----------
    sql : str
        The query.
    limit : str or int, optional
        The most resident memory that the worker may show the kernel: ``"512MB"``, ``"2GiB"``, ``"75%"``, ``"none"``, or a
        number of bytes. By default ``TIDEGATE_LIMIT``, or 75 % of what the machine or the cgroup allows.
    threads : int, optional
        How many threads execute; by default as many as there are cores.
    tables : mapping of str to object, optional
        Tables by the names that the SQL has for them. Each is an object with ``__arrow_c_stream__`` (a Polars frame, a PyArrow
        table, a result), a pandas frame, or a function without arguments that returns one of them anew each time.
    output : path, optional
        The file that the rows go to; the result then has none. It appears whole or not at all.
    format : str, optional
        The format of ``output``: ``"parquet"``, ``"csv"``, ``"ndjson"`` or ``"arrow"``; by default by its extension.
    max_rejects : str or int, optional
        How many lines may be unreadable: ``"1%"``, which is the default, or a number.
    rejects : path, optional
        The file that unreadable lines go to, as NDJSON.
    on_progress : callable, optional
        Called with a :class:`~tidegate._result.Progress` as the query goes on, ten times a second at most, in the thread that reads.
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
    """
    raise NotImplementedError


def forecast(sql: str, *, limit: Optional[Size] = None, threads: Optional[int] = None) -> Forecast:
    """Return what a query will need. The query is not run; samples of its files are.

    Parameters
    ----------
    sql : str
        The query.
    limit : str or int, optional
        The limit that the query would have.
    threads : int, optional
        The threads that it would have.

    Returns
    -------
    Forecast
    """
    raise NotImplementedError


def forecast_pandas(path: PathLike, *, columns: Optional[list[str]] = None) -> PandasForecast:
    """Return what pandas would need to read a file, and the line to write.

    Parameters
    ----------
    path : path
        A CSV or NDJSON file, or an access log.
    columns : list of str, optional
        The columns that are needed; by default all.

    Returns
    -------
    PandasForecast
    """
    raise NotImplementedError


def binary() -> str:
    """Return the path of the ``tidegate`` program: ``TIDEGATE_BINARY``, or the one that came with this package."""
    raise NotImplementedError


def worker_pids() -> list[int]:
    """Return the processes of all workers of this process, at work and waiting."""
    raise NotImplementedError


def release_workers() -> int:
    """End the workers that wait, and return how many bytes they showed the kernel. The next query starts another one."""
    raise NotImplementedError
