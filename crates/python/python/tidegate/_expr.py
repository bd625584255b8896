"""Expressions: what stands for a column, and what is computed of it. Nothing runs until a frame is asked for rows."""

from __future__ import annotations

from tidegate._expr_aggregates import Facts
from tidegate._expr_base import check_text
from tidegate._expr_dt import DtMethods
from tidegate._expr_many import ManyMethods
from tidegate._expr_nodes import Alias, Node, Only, Scope, Star
from tidegate._expr_rows import RowMethods
from tidegate._expr_str import ListMethods, StrMethods, StructMethods

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from typing import NoReturn

# Names of pandas for which there is another way here.
_HINTS = {
    "apply": "frame.map_batches(fn) runs Python on batches of rows",
    "map": ".replace({..}) for other values, frame.map_batches(fn) for Python",
    "value_counts": "frame.group_by(column).len().sort('len', descending=True)",
    "unique": "frame.select(column).unique()",
    "sort_values": "frame.sort(column)",
    "head": "frame.select(column).head()",
    "values": "frame.select(column).to_numpy()",
    "iloc": "frame.slice(offset, length)",
    "loc": "frame.filter(condition)",
    "tolist": "frame.select(column).collect()",
    "size": ".len()",
    "to_list": "frame.select(column).collect()",
}


class Expr(RowMethods, ManyMethods):
    """A column, or what is computed of columns. Made by :func:`tidegate.col` and :func:`tidegate.lit`.

    ``str(expr)`` is its SQL.

    Examples
    --------
    >>> print((tg.col("status") >= 500) & ~tg.col("path").str.starts_with("/health"))
    status >= 500 AND NOT path LIKE '/health%'

    """

    __slots__ = ()

    def alias(self, name: builtins.str) -> Expr:
        """Return the expression under another name.

        Parameters
        ----------
        name
            The new name.

        Examples
        --------
        >>> tg.col("bytes").sum().alias("total").output_name
        'total'

        """
        return Expr(Alias(self._node, check_text(name, "name")))

    @property
    def output_name(self) -> builtins.str:
        """The name of the column that comes of it: its alias, or the name of the first column in it."""
        return self._node.name

    @property
    def str(self) -> StrMethods:
        """Methods for texts."""
        return StrMethods(self)

    @property
    def dt(self) -> DtMethods:
        """Methods for times."""
        return DtMethods(self)

    @property
    def list(self) -> ListMethods:
        """Methods for lists."""
        return ListMethods(self)

    @property
    def struct(self) -> StructMethods:
        """Fields of nested objects."""
        return StructMethods(self)

    def __str__(self) -> builtins.str:
        """Return the SQL."""
        return sql_of(self._node)

    def __repr__(self) -> builtins.str:
        """Return the SQL, and the name if it has one of its own."""
        node = self._node
        name = f" AS {node.name}" if isinstance(node, Alias) else ""
        return f"<tidegate expression: {sql_of(node)}{name}>"

    def __getattr__(self, name: builtins.str) -> NoReturn:
        """Say what to do in place of a method that pandas has."""
        hint = f"; here it is {_HINTS[name]}" if name in _HINTS else ""
        raise AttributeError(f"an expression has no attribute {name!r}{hint}")


def sql_of(node: Node) -> str:
    """Return the SQL of a node, as it is shown."""
    while isinstance(node, Alias):
        node = node.part
    if isinstance(node, Star):
        return f"* EXCLUDE {node.without}" if node.without else "*"
    if isinstance(node, Only):
        return f"{sql_of(node.part)} FILTER (WHERE {sql_of(node.condition)})"
    scope = Scope(aggregates="window" if Facts(node).windows else "group")
    try:
        return node.render(scope)[0]
    except TypeError:
        return "(not complete)"
