"""Joins: two queries become one that reads from both."""

from __future__ import annotations

from tidegate._expr_nodes import ADD, Column, Node, Resolved, Scope
from tidegate._frame_compile import Compiler, unknown_column
from tidegate._frame_query import Item, Query, Source
from tidegate._sql_text import identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Callable, Optional

JOINS = {
    "inner": "JOIN",
    "left": "LEFT JOIN",
    "right": "RIGHT JOIN",
    "full": "FULL JOIN",
    "outer": "FULL JOIN",
    "semi": "LEFT SEMI JOIN",
    "anti": "LEFT ANTI JOIN",
    "cross": "CROSS JOIN",
}


class JoinKeys:
    """What two frames are joined on.

    Parameters
    ----------
    left, right
        Expressions, one of each side for each condition.
    how
        One of :data:`JOINS`.
    suffix
        What goes behind a column's name of the right side that the left side has, too.
    nulls_equal
        Whether NULL equals NULL.

    """

    __slots__ = ("how", "left", "nulls_equal", "right", "suffix")

    def __init__(
        self, left: Sequence[Node], right: Sequence[Node], *, how: str, suffix: str, nulls_equal: bool
    ) -> None:
        self.left = list(left)
        self.right = list(right)
        self.how = how
        self.suffix = suffix
        self.nulls_equal = nulls_equal


def join(compiler: Compiler, left: Query, right: Query, keys: JoinKeys) -> Query:
    """Return the join of two queries. The left side's columns come first, keys in their places there."""
    left_source, right_source = (query.source if query.bare else compiler.named(query) for query in (left, right))
    text = f"{left_source.text} AS l\n{JOINS[keys.how]} {right_source.text} AS r"
    if keys.how != "cross":
        sides = zip(_texts(keys.left, "l", left_source), _texts(keys.right, "r", right_source))
        operator = "IS NOT DISTINCT FROM" if keys.nulls_equal else "="
        text += " ON " + " AND ".join(f"{one} {operator} {other}" for one, other in sides)
    if keys.how in ("semi", "anti"):
        return Query(Source(text, left_source.columns, left_source.known, kinds=left_source.kind))
    items = _items(left_source, right_source, keys)
    known = {item.name: "" for item in items}
    return Query(Source(text, lambda: known, lambda: known), items=items)


def _texts(nodes: Sequence[Node], side: str, source: Source) -> list[str]:
    scope = Scope(_lookup(side, source), aggregates="a key of a join is a value of each row, and no aggregate")
    texts: list[str] = []
    for node in nodes:
        text, level = node.render(scope)
        texts.append(text if level >= ADD else f"({text})")
    return texts


def _lookup(side: str, source: Source) -> Callable[[str], Resolved]:
    def find(name: str) -> Resolved:
        known = source.known()
        if known is not None and name not in known:
            raise unknown_column(name, list(known))
        return Resolved(f"{side}.{identifier(name)}", kind=lambda: source.kind(name))

    return find


def _items(left: Source, right: Source, keys: JoinKeys) -> list[Item]:
    pairs = {
        one.column: other.column
        for one, other in zip(keys.left, keys.right)
        if isinstance(one, Column) and isinstance(other, Column)
    }
    items = [_item(name, _key_text(name, pairs.get(name), keys.how), left, name) for name in left.columns()]
    taken = set(left.columns())
    for name in right.columns():
        if name in pairs.values():
            continue
        shown = name + keys.suffix if name in taken else name
        if shown in taken:
            raise ValueError(
                f"both sides of the join have `{name}`, and `{shown}` is taken, too: give another suffix, or rename one"
            )
        taken.add(shown)
        items.append(_item(shown, f"r.{identifier(name)}", right, name))
    return items


def _item(name: str, text: str, source: Source, column: str) -> Item:
    return Item(name, Resolved(text, kind=lambda: source.kind(column)), columns=(column,))


def _key_text(name: str, other: Optional[str], how: str) -> str:
    own = f"l.{identifier(name)}"
    if other is None or how in ("inner", "left"):
        return own
    right = f"r.{identifier(other)}"
    return right if how == "right" else f"coalesce({own}, {right})"
