"""``%load_ext tidegate``: a cell of SQL, its progress beside the limit, and memory after each cell.

``%%tidegate``
    Runs the cell as SQL. ``--limit 512MB`` is the limit of its worker, ``-o name`` keeps the rows in a variable. A
    frame of the notebook is a table by its name.
``%tidegate_memory``
    Shows where memory is; ``on`` shows after each cell what it took, ``off`` ends that.

IPython is imported when the extension is loaded, not before.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import shlex
import sys
import time
from typing import Any, NoReturn

from ._errors import MissingPackageError, UsageError
from ._memory_sizes import format_size, parse_limit
from ._memory_text import bar, sparkline
from ._monitor import Monitor

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
_AS = ("pandas", "polars", "arrow", "result")
_PREVIEW_ROWS = 10


class Shown:
    """Something with a text for terminals and HTML for notebooks.

    Examples
    --------
    >>> Shown("done")
    done
    """

    def __init__(self, text: str, markup: str | None = None) -> None:
        self._text = text
        self._markup = markup

    def __repr__(self) -> str:
        """Return the text."""
        return self._text

    def _repr_html_(self) -> str:
        """Return the HTML, or the text as such."""
        return self._markup or f"<code>{html.escape(self._text)}</code>"


class _Options(argparse.ArgumentParser):
    """The options of a cell. What is wrong with them is an error of the cell, not the end of the process."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong."""
        raise UsageError(message, help=self.format_usage().strip())


def _options() -> _Options:
    """Return the options of ``%%tidegate``."""
    options = _Options(prog="%%tidegate", add_help=False, description="Run the cell as SQL.")
    options.add_argument("--limit", help="the most memory of the worker: 512MB, 2GiB, 75%%")
    options.add_argument("--threads", type=int, help="how many threads execute")
    options.add_argument("-o", "--output", metavar="NAME", help="the variable that keeps the rows")
    options.add_argument("--as", dest="kind", choices=_AS, help="what the variable is; by default a pandas frame")
    options.add_argument("--no-progress", action="store_true", help="show nothing while it runs")
    return options


class Progress:
    """A line that shows how far a query is, and its memory beside the limit; at most five times a second."""

    def __init__(self, show: Any, limit: int | None) -> None:
        self._show = show
        self._limit = limit
        self._handle: Any = None
        self._next = 0.0
        self._start = time.monotonic()
        self._peak = 0
        self._readings: list[int] = []

    def __call__(self, progress: Any) -> None:
        """Take a reading of the engine's, and show it."""
        self._peak = max(self._peak, progress.resident)
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 0.2
        self._readings.append(progress.resident)
        self._put(self._line(progress.resident, progress.rows))

    def _line(self, resident: int, rows: int) -> str:
        """Return what is shown."""
        words = [f"{time.monotonic() - self._start:.1f} s"]
        if rows:
            words.append(f"{rows:,} rows")
        if self._limit:
            words.append(f"memory {bar(resident / self._limit)} {format_size(resident)} of {format_size(self._limit)}")
        elif resident:
            words.append(f"memory {format_size(resident)}")
        return "  ".join(words)

    def _put(self, line: str) -> None:
        """Show a line in place of the last one."""
        if self._handle is None:
            self._handle = self._show(Shown(line), display_id=True)
        elif hasattr(self._handle, "update"):
            self._handle.update(Shown(line))

    def end(self) -> None:
        """Show the highest that was seen, where anything was shown."""
        if self._handle is not None:
            limit = f" of {format_size(self._limit)}" if self._limit else ""
            self._put(
                f"{time.monotonic() - self._start:.1f} s  memory {sparkline(self._readings, top=self._limit)} "
                f"{format_size(self._peak)}{limit} at the highest reading"
            )


def tables_in(sql: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the variables that a query names and that are tables.

    Examples
    --------
    >>> class Frame:
    ...     def __arrow_c_stream__(self, requested_schema=None): ...
    >>> list(tables_in("SELECT 'other' FROM df JOIN n", {"df": Frame(), "other": Frame(), "n": 1}))
    ['df']
    """
    words = dict.fromkeys(_WORD.findall(_QUOTED.sub(" ", sql)))
    found: dict[str, Any] = {}
    for word in words:
        value = variables.get(word)
        if value is not None and not isinstance(value, type) and _is_table(value):
            found[word] = value
    return found


def with_frames(sql: str, tables: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Put the queries of lazy frames into a query that names them, so that their rows need not come here.

    Parameters
    ----------
    sql : str
        The query.
    tables : dict
        Tables by their names; a name that stands in the query without quotes is one in lower case there.

    Returns
    -------
    tuple of str and dict
        The query, and the tables that are none of ours.
    """
    from ._sql_text import identifier, with_tables

    # Where nobody has imported it, nobody has a frame.
    frames: Any = getattr(sys.modules.get("tidegate._frame"), "LazyFrame", ())
    named: list[tuple[str, str]] = []
    others: dict[str, Any] = {}
    for variable, table in tables.items():
        name = variable if f'"{variable}"' in sql else variable.lower()
        if isinstance(table, frames):
            ready = table._ready()
            named.append((identifier(name), ready.sql))
            others.update(ready.tables(ready.sql))
        else:
            others[name] = table
    return with_tables(named, sql), others


def _is_table(value: Any) -> bool:
    """Return whether an object is a table: it gives Arrow, or is a frame of pandas of before that."""
    kind = type(value)
    return hasattr(kind, "__arrow_c_stream__") or (
        kind.__module__.split(".")[0] == "pandas" and kind.__name__ == "DataFrame"
    )


def run_cell(line: str, cell: str, *, variables: dict[str, Any], show: Any) -> Any:
    """Run a cell of SQL, and return its result, or None if a variable keeps it.

    Parameters
    ----------
    line : str
        The options.
    cell : str
        The SQL.
    variables : dict
        The variables of the notebook; the rows are put there.
    show : callable
        ``IPython.display.display``.

    Raises
    ------
    UsageError
        If an option is wrong, or the cell is empty.
    TidegateError
        If the query fails.
    """
    from ._engine import execute

    options = _options().parse_args(shlex.split(line))
    if not cell.strip():
        raise UsageError("the cell is empty", help="write a query below `%%tidegate`")
    name = options.output
    if name is not None and not name.isidentifier():
        raise UsageError(f"`{name}` cannot be the name of a variable")
    limit = parse_limit(options.limit or os.environ.get("TIDEGATE_LIMIT") or "75%")
    progress = None if options.no_progress else Progress(show, limit)
    sql, tables = with_frames(cell.strip("; \t\r\n"), {**_registered(cell), **tables_in(cell, variables)})
    result = execute(
        sql,
        limit=options.limit,
        threads=options.threads,
        tables=tables or None,
        on_progress=progress,
    )
    try:
        if name is None and options.kind is None:
            result.preview(_PREVIEW_ROWS)
            return result
        rows = _rows_as(result, options.kind)
    finally:
        if progress is not None:
            progress.end()
    if name is None:
        return rows
    variables[name] = rows
    return None


def _registered(sql: str) -> dict[str, Any]:
    """Return the tables that were registered and that a query names."""
    from . import _frame_run

    known: dict[str, Any] = getattr(_frame_run, "_registered", {})
    words = {word.lower() for word in _WORD.findall(_QUOTED.sub(" ", sql))}
    return {name: table for name, table in known.items() if name.lower() in words}


def _rows_as(result: Any, kind: str | None) -> Any:
    """Return the rows of a result as what was asked for; by default as what is installed."""
    if kind == "result":
        return result
    if kind is not None:
        return getattr(result, f"to_{kind}")()
    try:
        return result.to_pandas()
    except MissingPackageError:
        return result.to_arrow()


class CellMemory:
    """Memory of each cell: before, at the peak, after."""

    def __init__(self, show: Any) -> None:
        self._show = show
        self._monitor: Monitor | None = None

    def begin(self, *_: Any) -> None:
        """Begin to watch; a cell starts."""
        self.cancel()
        self._monitor = Monitor(hz=50.0, capacity=512, exact=False).start()

    def end(self, *_: Any) -> None:
        """Show what the cell took."""
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            monitor.stop()
            self._show(Shown(repr(monitor)))

    def cancel(self) -> None:
        """End the watch, and show nothing."""
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            monitor.stop()


_shown: dict[int, CellMemory] = {}
"""Who shows memory after each cell, by the identity of the shell."""


def _memory_line(shell: Any, line: str, show: Any) -> Any:
    """Do what ``%tidegate_memory`` says."""
    word = line.strip().lower()
    watching = _shown.get(id(shell))
    if word == "on":
        if watching is None:
            watching = _shown[id(shell)] = CellMemory(show)
            shell.events.register("pre_run_cell", watching.begin)
            shell.events.register("post_run_cell", watching.end)
        return None
    if word == "off":
        if watching is not None:
            shell.events.unregister("pre_run_cell", watching.begin)
            shell.events.unregister("post_run_cell", watching.end)
            watching.cancel()
            del _shown[id(shell)]
        return None
    if word:
        raise UsageError(f"`{word}` is nothing that `%tidegate_memory` knows", help="%tidegate_memory [on | off]")
    from ._memory import memory

    return memory()


def load_ipython_extension(shell: Any) -> None:
    """Add the magics to a shell of IPython. ``%load_ext tidegate`` calls it.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.

    Raises
    ------
    MissingPackageError
        If IPython is not installed.
    """
    try:
        from IPython.display import display  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingPackageError("magics need IPython", help="pip install ipython") from error

    def tidegate(line: str, cell: str) -> Any:
        """Run the cell as SQL: ``%%tidegate [--limit 512MB] [--threads 2] [-o NAME] [--as pandas]``."""
        return run_cell(line, cell, variables=shell.user_ns, show=display)

    def tidegate_memory(line: str) -> Any:
        """Show where memory is, or after each cell what it took: ``%tidegate_memory [on | off]``."""
        return _memory_line(shell, line, display)

    shell.register_magic_function(tidegate, magic_kind="cell", magic_name="tidegate")
    shell.register_magic_function(tidegate_memory, magic_kind="line", magic_name="tidegate_memory")


def unload_ipython_extension(shell: Any) -> None:
    """Remove the magics from a shell of IPython. ``%unload_ext tidegate`` calls it.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    """
    _memory_line(shell, "off", None)
    shell.magics_manager.magics["cell"].pop("tidegate", None)
    shell.magics_manager.magics["line"].pop("tidegate_memory", None)
