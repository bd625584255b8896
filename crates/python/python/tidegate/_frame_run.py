"""How a frame's plan is handed to the engine: settings, registered tables, and what is asked before a query runs."""

from __future__ import annotations

import re

import tidegate._engine as _engine
from tidegate._errors import UsageError
from tidegate._expr_base import check_int
from tidegate._frame_compile import Compiler
from tidegate._frame_plan import Mapped, Plan, compile_plan, walk
from tidegate._frame_query import Query
from tidegate._sql_text import is_table_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional, Union

    from tidegate._result import Result

    Size = Union[str, int]

_registered: dict[str, object] = {}
#: What of them was written for workers, as it cannot change.
_written: dict[str, Any] = {}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Settings:
    """What a frame hands to the engine with each query.

    Parameters
    ----------
    limit
        The most resident memory of the worker: ``"512MB"`` or a number of bytes.
    threads
        How many threads execute.
    max_rejects
        How many lines may be unreadable.

    """

    __slots__ = ("limit", "max_rejects", "threads")

    def __init__(
        self,
        *,
        limit: Optional[Size] = None,
        threads: Optional[int] = None,
        max_rejects: Optional[Union[str, int]] = None,
    ) -> None:
        for value, name in ((limit, "limit"), (max_rejects, "max_rejects")):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int))):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"{name} is of type {type(value).__name__}; expected a text or a whole number")
        self.limit = limit
        self.threads = None if threads is None else check_int(threads, "threads", least=1)
        self.max_rejects = max_rejects


def register_table(name: str, table: object) -> None:
    """Remember a table of this process by a name."""
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"name is of type {type(name).__name__}; expected a text")
    if not is_table_name(name):
        raise UsageError(f"`{name}` cannot be the name of a table", help="letters, digits and `_`, and no word of SQL")
    if not (hasattr(table, "__arrow_c_stream__") or hasattr(table, "__dataframe__") or callable(table)):
        raise TypeError(
            f"data is of type {type(table).__name__}; expected a pandas, Polars or Arrow table, anything with "
            "__arrow_c_stream__, or a function that returns one"
        )
    _registered[name] = table
    _written.pop(name, None)


def forget_table(name: str) -> None:
    """Forget a table."""
    if name not in _registered:
        raise UsageError(f"no table `{name}` is registered", help=", ".join(sorted(_registered)) or "there is none")
    del _registered[name]
    _written.pop(name, None)


def registered_table(name: str) -> object:
    """Return a table; one that cannot change is written once for all queries."""
    from tidegate._tables import is_unchanging, keep

    table = _registered[name]
    if not is_unchanging(table):
        return table
    if name not in _written:
        _written[name] = keep(name, table)
    return _written[name]


def is_registered(name: str) -> bool:
    """Return whether there is a table of that name."""
    return name in _registered


class Ready:
    """A plan as SQL, with what it needs to run."""

    __slots__ = ("_streams", "query", "settings", "sql")

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self.settings = settings
        parts = list(walk(plan))
        self._streams: dict[str, Any] = {part.name: part.stream for part in parts if isinstance(part, Mapped)}
        texts = [text for part in parts for text in part.texts()]
        compiler = Compiler(self._ask, avoid=[*texts, *_registered])
        self.query: Query = compile_plan(plan, compiler)
        self.sql = compiler.text(self.query)

    def tables(self, sql: str) -> dict[str, Any]:
        """Return the tables of this process that a query names; without quotes, SQL takes names in lower case."""
        words = set(_WORD.findall(sql))
        folded = {word.lower() for word in words}
        tables: dict[str, Any] = {}
        for name in (*_registered, *self._streams):
            if name.lower() in folded:
                exact = name in words and f'"{name}"' in sql
                stream = self._streams.get(name)
                tables[name if exact else name.lower()] = registered_table(name) if stream is None else stream
        return tables

    def execute(
        self, sql: Optional[str] = None, *, output: Optional[str] = None, format: Optional[str] = None
    ) -> Result:
        """Start the query, or another one with the same settings."""
        text = self.sql if sql is None else sql
        return _engine.execute(
            text,
            limit=self.settings.limit,
            threads=self.settings.threads,
            tables=self.tables(text) or None,
            output=output,
            format=format,
            max_rejects=self.settings.max_rejects,
        )

    def _ask(self, sql: str) -> Mapping[str, str]:
        return self.execute(sql).schema
