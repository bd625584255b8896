"""``frame.group_by(..)``: what can be asked of groups."""

from __future__ import annotations

from tidegate._expr_aggregates import Aggregate
from tidegate._expr_base import check_text, column_node, is_list, listed, node_of, unwrap, wrap
from tidegate._expr_nodes import Alias, Column, Node, Star
from tidegate._frame_compile import aggregate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Callable, NoReturn, Union

    from tidegate._expr import Expr
    from tidegate._frame import LazyFrame

    Aggregates = Union[Expr, Sequence[Expr], dict[str, Any]]

_NAMED = (
    "sum",
    "mean",
    "min",
    "max",
    "count",
    "len",
    "n_unique",
    "nunique",
    "median",
    "std",
    "var",
    "first",
    "last",
    "any",
    "all",
)


class GroupBy:
    """The groups of a frame. Their order is none in particular; NULL is a group of its own, as in Polars."""

    __slots__ = ("_keys", "_step")

    def __init__(self, step: Callable[..., LazyFrame], keys: Sequence[Node]) -> None:
        self._step = step
        self._keys = list(keys)

    def agg(self, *aggs: Aggregates, **named: object) -> LazyFrame:
        """Compute aggregates for each group.

        Parameters
        ----------
        aggs
            Expressions that end with an aggregate; or, as in pandas, a dict of columns and names of aggregates.
        named
            The same by the name of the result; or, as in pandas, pairs of a column and the name of an aggregate.

        Examples
        --------
        >>> frame = tg.scan("access.log").group_by("status").agg(tg.len(), total=tg.col("bytes").sum(min_count=1))
        >>> print(frame.sql_text)
        SELECT status, count(*) AS len, sum(bytes) AS total
        FROM 'access.log'
        GROUP BY status

        """
        nodes: list[Node] = []
        for value in aggs:
            nodes.extend(_of_dict(value) if isinstance(value, dict) else _expressions(value))
        for name, value in named.items():
            node = _of_pair(listed(value), name) if _is_pair(value) else _expressions(value)[0]
            nodes.append(Alias(node, name))
        if not nodes and not self._keys:
            raise TypeError("agg needs at least one aggregate")
        return self._step("group_by " + ", ".join(node.name for node in self._keys), aggregate, self._keys, nodes)

    def len(self, name: str = "len") -> LazyFrame:
        """Count the rows of each group.

        Parameters
        ----------
        name
            How the column is called.

        Examples
        --------
        >>> print(tg.scan("access.log").group_by("path").len("n").sort("n", descending=True).head(3).sql_text)
        SELECT path, count(*) AS n
        FROM 'access.log'
        GROUP BY path
        ORDER BY n DESC NULLS LAST
        LIMIT 3

        """
        return self.agg(**{check_text(name, "name"): wrap(Aggregate("count(*)", None))})

    def sum(self, *columns: str) -> LazyFrame:
        """Add up columns for each group.

        Parameters
        ----------
        columns
            Their names.

        """
        return self._each("sum", columns)

    def mean(self, *columns: str) -> LazyFrame:
        """Return the means of columns for each group.

        Parameters
        ----------
        columns
            Their names.

        """
        return self._each("mean", columns)

    def min(self, *columns: str) -> LazyFrame:
        """Return the least values of columns for each group.

        Parameters
        ----------
        columns
            Their names.

        """
        return self._each("min", columns)

    def max(self, *columns: str) -> LazyFrame:
        """Return the greatest values of columns for each group.

        Parameters
        ----------
        columns
            Their names.

        """
        return self._each("max", columns)

    def median(self, *columns: str) -> LazyFrame:
        """Return the medians of columns for each group.

        Parameters
        ----------
        columns
            Their names.

        """
        return self._each("median", columns)

    def n_unique(self, *columns: str) -> LazyFrame:
        """Count the different values of columns for each group.

        Parameters
        ----------
        columns
            Their names.

        """
        return self._each("n_unique", columns)

    def _each(self, function: str, columns: Sequence[str]) -> LazyFrame:
        if not columns:
            raise TypeError(f"{function} needs the names of the columns, such as .{function}('bytes')")
        return self.agg(*[_expr_of(function, Column(check_text(column, "columns"))) for column in columns])

    def __iter__(self) -> NoReturn:
        """Refuse: the groups are not here."""
        raise TypeError("groups have no rows to loop over; use .agg(..), and .iter_batches() of its result")

    size = len


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple)


def _expressions(value: object) -> list[Node]:
    nodes = [_aggregate_node(item) for item in listed(value)]
    if any(isinstance(node, Star) for node in nodes):
        raise TypeError("`all()` is no aggregate; name the columns")
    return nodes


def _aggregate_node(value: object) -> Node:
    if isinstance(value, str):
        raise TypeError(f"agg has the text {value!r}; expected an expression, such as tg.col({value!r}).sum()")
    return node_of(value, "aggs")


def _of_dict(columns: Mapping[str, object]) -> list[Node]:
    nodes: list[Node] = []
    for column, functions in columns.items():
        if isinstance(functions, str):
            nodes.append(_named(functions, column))
            continue
        if not is_list(functions):
            kind = type(functions).__name__
            raise TypeError(f"aggs[{column!r}] is of type {kind}; expected the name of an aggregate")
        for function in listed(functions):
            name = check_text(function, f"aggs[{column!r}]")
            nodes.append(Alias(_named(name, column), f"{column}_{name}"))
    return nodes


def _of_pair(pair: Sequence[object], name: str) -> Node:
    if len(pair) != 2 or not isinstance(pair[1], str):
        raise TypeError(f"{name} is {pair!r}; expected an expression, or a column and the name of an aggregate")
    column = column_node(pair[0], name)
    return Aggregate("count(*)", None) if pair[1] == "size" else unwrap(_expr_of(pair[1], column))


def _named(function: str, column: str) -> Node:
    if function == "size":
        return Alias(Aggregate("count(*)", None), column)
    return unwrap(_expr_of(function, Column(check_text(column, "aggs"))))


def _expr_of(function: str, node: Node) -> Expr:
    if function not in _NAMED:
        raise ValueError(f"there is no aggregate {function!r}; known are {', '.join(_NAMED)}, size")
    return getattr(wrap(node), function)()
