"""One SELECT in parts, and as text.

*Model.* A :class:`Query` is a SELECT whose parts are filled one by one: FROM, WHERE, GROUP BY and so on. What a step of
a frame needs of the query before it decides whether it can fill a part that is still empty, or whether the query so far
becomes a named query in WITH, and a new one reads from that (:mod:`tidegate._frame_compile`).
"""

from __future__ import annotations

import contextlib

from tidegate._errors import TidegateError
from tidegate._expr_nodes import ATOM, Resolved
from tidegate._sql_text import identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Callable, Optional, Union

    from tidegate._expr_aggregates import SortKey

VIRTUAL_COLUMNS = ("_file", "_line", "_offset", "_raw")

# The longest text of a computed column that is written again where the column is used; a longer one gets a query of its
# own.
_WRITTEN_AGAIN = 100
_LINE = 100


class Source:
    """What stands in FROM.

    Parameters
    ----------
    text
        SQL.
    columns
        Returns its columns with their types; asks the engine if it must.
    known
        The same without asking: ``None`` if they are not known yet.
    virtual
        Whether it has ``_file`` and the like besides.
    kinds
        What is known of types, by column, where the engine need not be asked.

    """

    __slots__ = ("_kinds", "columns", "known", "text", "virtual")

    def __init__(
        self,
        text: str,
        columns: Callable[[], Mapping[str, str]],
        known: Callable[[], Optional[Mapping[str, str]]],
        *,
        virtual: bool = False,
        kinds: Optional[Callable[[str], str]] = None,
    ) -> None:
        self.text = text
        self.columns = columns
        self.known = known
        self.virtual = virtual
        self._kinds = kinds

    def kind(self, name: str) -> str:
        """Return what expressions need to know of a column's type; nothing if the engine cannot tell."""
        if self._kinds is None:
            types: Mapping[str, str] = {}
            # Where that fails, the query will say what is wrong; a text of it can be had without its files.
            with contextlib.suppress(TidegateError, OSError):
                types = self.columns()

            def kinds(column: str) -> str:
                return kind_of(types.get(column, ""))

            self._kinds = kinds
        return self._kinds(name)


class Item:
    """A column of the result.

    Parameters
    ----------
    name
        Its name.
    resolved
        What it is computed of, in terms of the source.
    columns
        The source's columns in it.
    same
        Whether it is the source's column of the same name.
    windows
        Whether there is a window in it.

    """

    __slots__ = ("columns", "name", "resolved", "same", "windows")

    def __init__(
        self, name: str, resolved: Resolved, *, columns: Sequence[str] = (), same: bool = False, windows: bool = False
    ) -> None:
        self.name = name
        self.resolved = resolved
        self.columns = tuple(columns)
        self.same = same
        self.windows = windows

    @staticmethod
    def of_source(name: str, kind: Union[str, Callable[[], str]] = "") -> Item:
        """Return a column of the source as it is."""
        return Item(name, Resolved(identifier(name), ATOM, kind), columns=(name,), same=True)

    def renamed(self, name: str) -> Item:
        """Return it under another name."""
        return Item(
            name, self.resolved, columns=self.columns, same=self.same and name == self.name, windows=self.windows
        )

    @property
    def can_be_written_again(self) -> bool:
        """Whether its text can stand in for its name."""
        return not self.windows and len(self.resolved.text) <= _WRITTEN_AGAIN

    def text(self) -> str:
        """Return it as it stands after SELECT."""
        if self.same or self.resolved.text in (f"l.{identifier(self.name)}", f"r.{identifier(self.name)}"):
            return self.resolved.text
        return f"{self.resolved.text} AS {identifier(self.name)}"


class Order:
    """One part of ORDER BY: the key in terms of the source, and the column of the result that it is, if it is one."""

    __slots__ = ("columns", "key", "name", "text")

    def __init__(self, key: SortKey, text: str, columns: Sequence[str], name: Optional[str]) -> None:
        self.key = key
        self.text = text
        self.columns = tuple(columns)
        self.name = name

    def is_one_of(self, items: Sequence[Item]) -> bool:
        """Whether its name is that of a column of the result, and means the same."""
        return any(item.name == self.name and item.resolved.text == self.text for item in items)

    def flipped(self) -> Order:
        """Return the order from the other end."""
        return Order(self.key.reversed(), self.text, self.columns, self.name)


class Query:
    """A SELECT in parts. ``items`` of ``None`` is ``*``; ``raw`` is a whole query as a user has written it."""

    __slots__ = (
        "distinct",
        "group",
        "having",
        "items",
        "length",
        "offset",
        "order",
        "qualify",
        "raw",
        "source",
        "where",
    )

    def __init__(self, source: Source, *, items: Optional[list[Item]] = None, raw: Optional[str] = None) -> None:
        self.source = source
        self.items = items
        self.raw = raw
        self.where: list[str] = []
        self.group: Optional[list[str]] = None
        self.having: list[str] = []
        self.qualify: list[str] = []
        self.distinct: Optional[list[str]] = None
        self.order: list[Order] = []
        self.length: Optional[int] = None
        self.offset = 0

    def copy(self, **parts: object) -> Query:
        """Return the same query with some parts exchanged."""
        query = Query(self.source)
        for name in self.__slots__:
            setattr(query, name, parts.get(name, getattr(self, name)))
        return query

    # -- what it has --

    @property
    def limited(self) -> bool:
        """Whether there is a LIMIT or an OFFSET."""
        return self.length is not None or self.offset > 0

    @property
    def bare(self) -> bool:
        """Whether it is all of its source, as it is."""
        return self.raw is None and self.items is None and self.only_columns

    @property
    def only_columns(self) -> bool:
        """Whether it does no more than to choose and compute columns."""
        filled = self.where or self.having or self.qualify or self.order or self.limited
        return self.raw is None and not filled and self.group is None and self.distinct is None

    @property
    def one_row(self) -> bool:
        """Whether it is aggregates of all rows. Without one of them in its columns, it would be rows again."""
        return self.group is not None and not self.group

    @property
    def has_windows(self) -> bool:
        """Whether a column of the result is computed by a window, or rows are kept by one."""
        return bool(self.qualify) or any(item.windows for item in self.items or ())

    def names(self) -> list[str]:
        """Return the columns of the result; the engine is asked if it must be."""
        return list(self.source.columns()) if self.items is None else [item.name for item in self.items]

    def known(self) -> Optional[Mapping[str, str]]:
        """Return the columns of the result with what is known of their types, or ``None`` without asking the engine."""
        if self.items is None:
            return self.source.known()
        types = self.source.known() or {}
        return {item.name: types.get(item.name, "") if item.same else "" for item in self.items}

    def listed(self) -> list[Item]:
        """Return the columns of the result one by one."""
        if self.items is not None:
            return self.items
        return [self._of_source(name) for name in self.source.columns()]

    def item(self, name: str) -> Optional[Item]:
        """Return a column of the result by its name, or ``None`` if it is known that there is none."""
        if self.items is not None:
            for item in self.items:
                if item.name == name:
                    return item
        elif (known := self.source.known()) is None or name in known:
            return self._of_source(name)
        if name in VIRTUAL_COLUMNS and self.source.virtual and self.group is None and self.distinct is None:
            return Item.of_source(name)
        return None

    def _of_source(self, name: str) -> Item:
        return Item.of_source(name, lambda: self.source.kind(name))

    # -- its text --

    def text(self) -> str:
        """Return the SELECT."""
        if self.raw is not None:
            return self.raw
        lines = [f"SELECT{self._distinct()}{self._select_list()}", f"FROM {self.source.text}"]
        if self.where:
            lines.append("WHERE " + "\n  AND ".join(self.where))
        if self.group:
            lines.append("GROUP BY " + ", ".join(self.group))
        if self.having:
            lines.append("HAVING " + "\n  AND ".join(self.having))
        if self.qualify:
            lines.append("QUALIFY " + "\n  AND ".join(self.qualify))
        if self.order:
            lines.append("ORDER BY " + ", ".join(self._order(part) for part in self.order))
        if self.length is not None:
            lines.append(f"LIMIT {self.length}")
        if self.offset:
            lines.append(f"OFFSET {self.offset}")
        return "\n".join(lines)

    def _distinct(self) -> str:
        if self.distinct is None:
            return ""
        return f" DISTINCT ON ({', '.join(self.distinct)})" if self.distinct else " DISTINCT"

    def _order(self, part: Order) -> str:
        named = part.name is not None and part.is_one_of(self.items or ())
        return part.key.text(identifier(part.name) if named and part.name is not None else part.text)

    def _select_list(self) -> str:
        if self.items is None:
            return " *"
        texts = self._starred(self.items) or [item.text() for item in self.items]
        line = ", ".join(texts)
        return f" {line}" if len(line) <= _LINE else "\n  " + ",\n  ".join(texts)

    def _starred(self, items: list[Item]) -> Optional[list[str]]:
        """Return the list with `*` for the source's columns, where they stand in their order with few exceptions."""
        source = list(self.source.known() or ())
        places = {name: at for at, name in enumerate(source)}
        if self.group is not None or len(places) != len(source):
            return None
        taken: list[str] = []
        for item in items:
            # `* REPLACE` changes a column in its place; a window there reads worse than it does by itself.
            at = places.get(item.name, -1)
            if at < 0 or (taken and at <= places[taken[-1]]):
                break
            taken.append(item.name)
        missing = [name for name in source if name not in set(taken)]
        rest = items[len(taken) :]
        replaced = [item for item in items[: len(taken)] if not item.same]
        exceptions = len(missing) + len(replaced)
        if exceptions > 3 or len(taken) < (8 if exceptions else 2):
            return None
        star = "*"
        if missing:
            star += f" EXCLUDE ({', '.join(identifier(name) for name in missing)})"
        if replaced:
            star += f" REPLACE ({', '.join(item.text() for item in replaced)})"
        return [star, *(item.text() for item in rest)]


def kind_of(dtype: str) -> str:
    """Return what expressions need to know of an Arrow type.

    Examples
    --------
    >>> kind_of("Utf8View"), kind_of("Boolean"), kind_of("UInt16"), kind_of("Int64")
    ('text', 'bool', 'unsigned', '')

    """
    lower = dtype.lower()
    if "utf8" in lower or lower in ("string", "large_string", "string_view"):
        return "text"
    if lower.startswith("uint"):
        return "unsigned"
    return "bool" if lower in ("boolean", "bool") else ""
