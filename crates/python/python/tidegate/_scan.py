"""Where frames begin: files, SQL, and tables of this process."""

from __future__ import annotations

import os

from tidegate._errors import UsageError
from tidegate._expr_base import check_text, listed
from tidegate._frame import LazyFrame
from tidegate._frame_plan import Files, Statement, Table
from tidegate._frame_run import Settings, forget_table, is_registered, register_table
from tidegate._sql_text import table as _table_text
from tidegate._sql_text import types_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Optional, Union

    Path = Union[str, "os.PathLike[str]"]
    Size = Union[str, int]


def scan(
    source: Union[Path, Sequence[Path]],
    *,
    format: Optional[str] = None,
    limit: Optional[Size] = None,
    threads: Optional[int] = None,
    max_rejects: Union[str, int, None] = None,
    types: Union[str, Mapping[str, str], None] = None,
    delimiter: Optional[str] = None,
    header: Optional[bool] = None,
) -> LazyFrame:
    """Return a frame of files. Nothing is read before something is asked of it.

    Parameters
    ----------
    source
        A file, a glob such as ``"logs/*.log"``, a folder, or a list of them. Compressed files are read as what they
        hold.
    format
        ``"combined"``, ``"common"``, ``"csv"``, ``"tsv"`` or ``"ndjson"``; by default by what the first file holds.
    limit
        The most resident memory that a query may show the kernel: ``"512MB"``, ``"2GiB"``, ``"75%"`` or a number of
        bytes. By default ``TIDEGATE_LIMIT``, or 75 % of what the machine or the cgroup allows.
    threads
        How many threads execute; by default as many as there are cores.
    max_rejects
        How many lines may be unreadable: ``"1%"``, which is the default, or a number.
    types
        Types of columns of CSV and NDJSON: ``{"status": "int16"}`` or ``"status int16, ts timestamp"``.
    delimiter
        What stands between the fields of CSV, if it is not to be found out.
    header
        Whether the first line of CSV has names, if that is not to be found out.

    Returns
    -------
    LazyFrame

    Raises
    ------
    TypeError
        If an argument has the wrong type; it is named.
    UsageError
        If arguments do not fit each other. A path that is not there is an error of the query.

    Examples
    --------
    >>> print(tg.scan("logs/*.log", limit="512MB").filter(tg.col("status") == 500).select("ts", "path").sql_text)
    SELECT ts, path
    FROM 'logs/*.log'
    WHERE status = 500

    """
    paths = [_path(item) for item in listed(source)]
    if not paths:
        raise UsageError("source has no path")
    if types is not None and not isinstance(types, str) and not hasattr(types, "items"):
        raise TypeError(f"types is of type {type(types).__name__}; expected a dict of columns and types, or a text")
    for value, name in ((format, "format"), (delimiter, "delimiter")):
        if value is not None:
            check_text(value, name)
    if header is not None and not isinstance(header, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"header is of type {type(header).__name__}; expected True or False")
    try:
        text = _table_text(paths, format=format, types=types_text(types), delimiter=delimiter, header=header)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return LazyFrame(Files(text), Settings(limit=limit, threads=threads, max_rejects=max_rejects))


def sql(
    query: str,
    *,
    limit: Optional[Size] = None,
    threads: Optional[int] = None,
    max_rejects: Union[str, int, None] = None,
) -> LazyFrame:
    """Return a frame of a query in SQL.

    Parameters
    ----------
    query
        One SELECT. A path in single quotes is a table, and so is the name of a registered table.
    limit, threads, max_rejects
        As of :func:`scan`.

    Examples
    --------
    >>> frame = tg.sql("SELECT path, bytes FROM 'access.log' WHERE status = 500;")
    >>> print(frame.filter(tg.col("bytes") > 1000).sql_text)
    WITH step1 AS (
      SELECT path, bytes FROM 'access.log' WHERE status = 500
    )
    SELECT *
    FROM step1
    WHERE bytes > 1000

    """
    if not check_text(query, "query").strip(" \t\r\n;"):
        raise UsageError("the query is empty")
    return LazyFrame(Statement(query), Settings(limit=limit, threads=threads, max_rejects=max_rejects))


def register(name: str, data: object, *, limit: Optional[Size] = None) -> LazyFrame:
    """Give a table of this process a name, by which queries know it, and return it as a frame.

    Parameters
    ----------
    name
        Letters, digits and ``_``.
    data
        A pandas, Polars or PyArrow table, anything with ``__arrow_c_stream__``, or a function without arguments that
        returns one; a function is called for each query that reads the table.
    limit
        The limit of queries that begin with this frame.

    Examples
    --------
    >>> ips = tg.register("ips", [])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: data is of type list; expected a pandas, Polars or Arrow table, ...

    """
    register_table(name, data)
    return table(name, limit=limit)


def unregister(name: str) -> None:
    """Forget a registered table.

    Parameters
    ----------
    name
        The name that it was registered by.

    """
    forget_table(check_text(name, "name"))


def table(name: str, *, limit: Optional[Size] = None, threads: Optional[int] = None) -> LazyFrame:
    """Return a registered table as a frame.

    Parameters
    ----------
    name
        The name that it was registered by.
    limit, threads
        As of :func:`scan`.

    """
    if not is_registered(check_text(name, "name")):
        raise UsageError(f"no table `{name}` is registered", help=f"tg.register({name!r}, data) does")
    return LazyFrame(Table(name), Settings(limit=limit, threads=threads))


def _path(source: object) -> str:
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"source is of type {type(source).__name__}; expected a path, a glob, or a list of them")
    path = os.fspath(source)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not isinstance(path, str):
        raise TypeError("source is a path of bytes; expected a text")
    if not path:
        raise UsageError("source is empty; expected a path")
    return path
