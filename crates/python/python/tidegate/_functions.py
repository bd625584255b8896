"""Functions that expressions start from: ``col``, ``lit``, ``len``, ``when`` and the like."""

from __future__ import annotations

from tidegate._expr import Expr
from tidegate._expr_aggregates import Aggregate
from tidegate._expr_base import check_text, column_nodes, node_of, unwrap
from tidegate._expr_many import row_number as _row_number
from tidegate._expr_nodes import ATOM, COMPARE, Call, Case, Column, Literal, Node, Raw, Star
from tidegate._sql_text import without_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tidegate._expr_base import Names


def col(name: str) -> Expr:
    """Return the column of that name. Upper and lower case are different.

    Parameters
    ----------
    name
        The name, whatever is in it.

    Examples
    --------
    >>> print(tg.col("status") == 500)
    status = 500
    >>> print(tg.col("Total $").fill_null(0))
    coalesce("Total $", 0)

    """
    return Expr(Column(check_text(name, "name")))


def lit(value: object) -> Expr:
    """Return a value as an expression.

    Parameters
    ----------
    value
        ``None``, a truth value, a number, a text, bytes, or a date or time of ``datetime``.

    Examples
    --------
    >>> print(tg.lit("it's"))
    'it''s'

    """
    return Expr(node_of(value, "value"))


def len() -> Expr:
    """Return how many rows there are.

    Examples
    --------
    >>> print(tg.len())
    count(*)

    """
    return Expr(Aggregate("count(*)", None))


def all() -> Expr:
    """Return all columns, for ``.select(..)``.

    Examples
    --------
    >>> print(tg.all())
    *

    """
    return Expr(Star())


def exclude(*names: str) -> Expr:
    """Return all columns but some, for ``.select(..)``.

    Parameters
    ----------
    names
        The names of the columns that are left out.

    """
    return Expr(Star([check_text(name, "names") for name in names]))


def sql_expr(sql: str) -> Expr:
    """Return an expression that is written in SQL, for what has no method here. Give it a name with ``.alias(..)``.

    Columns that the same query has computed have no names in it yet; use it on columns of the input.

    Parameters
    ----------
    sql
        The expression, as it would stand after SELECT.

    Examples
    --------
    >>> print(tg.sql_expr("regexp_instr(path, 'x')").alias("at"))
    (regexp_instr(path, 'x'))

    """
    return Expr(Raw(without_end(check_text(sql, "sql"))))


def coalesce(*exprs: Names) -> Expr:
    """Return the first value that is not NULL.

    Parameters
    ----------
    exprs
        Columns or expressions, in this order.

    Examples
    --------
    >>> print(tg.coalesce("user", "ident"))
    coalesce("user", ident)

    """
    return Expr(_listed("coalesce", column_nodes(exprs, "exprs")))


def min_horizontal(*exprs: Names) -> Expr:
    """Return the least of several columns in each row; NULL is passed over.

    Parameters
    ----------
    exprs
        Columns or expressions.

    Examples
    --------
    >>> print(tg.min_horizontal("a", "b"))
    least(a, b)

    """
    return Expr(_listed("least", column_nodes(exprs, "exprs")))


def max_horizontal(*exprs: Names) -> Expr:
    """Return the greatest of several columns in each row; NULL is passed over.

    Parameters
    ----------
    exprs
        Columns or expressions.

    Examples
    --------
    >>> print(tg.max_horizontal("a", "b"))
    greatest(a, b)

    """
    return Expr(_listed("greatest", column_nodes(exprs, "exprs")))


def concat_str(*exprs: Names, separator: str = "", ignore_nulls: bool = False) -> Expr:
    """Join texts.

    Parameters
    ----------
    exprs
        Columns or expressions; a text in place of a column's name is ``tg.lit(..)``.
    separator
        What goes between.
    ignore_nulls
        Whether NULL is passed over; by default it makes the whole NULL.

    Examples
    --------
    >>> print(tg.concat_str("method", "path", separator=" "))
    method || ' ' || path

    """
    nodes = column_nodes(exprs, "exprs")
    between = Literal(check_text(separator, "separator"))
    if ignore_nulls:
        return Expr(_listed("concat_ws", [between, *nodes], named=nodes))
    parts: list[Node] = []
    for node in nodes:
        parts.extend([between, node] if parts and separator else [node])
    places = (f"{{{at}}}" for at, _ in enumerate(parts))
    return Expr(Call(" || ".join(places), *parts, kind="text", level=COMPARE, inner_level=ATOM))


def row_number() -> Expr:
    """Return the number of each row, from 1, in the order of ``.over(order_by=..)``.

    Examples
    --------
    >>> print(tg.row_number().over("client", order_by="ts"))
    row_number() OVER (PARTITION BY client ORDER BY ts)

    """
    return Expr(_row_number())


def when(condition: Expr) -> When:
    """Begin a choice: ``when(..).then(..).otherwise(..)``.

    Parameters
    ----------
    condition
        Rows in which it is NULL go to ``otherwise``.

    Examples
    --------
    >>> status = tg.col("status")
    >>> print(tg.when(status >= 500).then("bad").when(status >= 400).then("poor").otherwise("good"))
    CASE WHEN status >= 500 THEN 'bad' WHEN status >= 400 THEN 'poor' ELSE 'good' END

    """
    return When(_condition(condition), [])


class When:
    """A choice whose next value is missing: ``.then(..)`` gives it."""

    __slots__ = ("_branches", "_condition")

    def __init__(self, condition: Node, branches: list[tuple[Node, Node]]) -> None:
        self._condition = condition
        self._branches = branches

    def then(self, value: object) -> Then:
        """Say what the value is where the condition holds. A text is a text; for a column, ``tg.col(..)``."""
        return Then([*self._branches, (self._condition, node_of(value, "value"))])


class Then(Expr):
    """A choice that could end here: without ``.otherwise(..)``, other rows are NULL."""

    __slots__ = ("_branches",)

    def __init__(self, branches: list[tuple[Node, Node]]) -> None:
        super().__init__(Case(branches, None))
        self._branches = branches

    def when(self, condition: Expr) -> When:
        """Begin the next branch."""
        return When(_condition(condition), self._branches)

    def otherwise(self, value: object) -> Expr:
        """Say what the value is in all other rows."""
        return Expr(Case(self._branches, node_of(value, "value")))


def _condition(value: object) -> Node:
    if not isinstance(value, Expr):
        raise TypeError(
            f"condition is of type {type(value).__name__}; expected an expression, such as tg.col('a') == 1"
        )
    return unwrap(value)


def _listed(function: str, nodes: list[Node], *, named: list[Node] | None = None) -> Node:
    if not nodes:
        raise TypeError(f"{function} needs at least one column")
    places = ", ".join(f"{{{at}}}" for at, _ in enumerate(nodes))
    call = Call(f"{function}({places})", *nodes)
    if named:
        from tidegate._expr_nodes import Alias

        return Alias(call, named[0].name)
    return call
