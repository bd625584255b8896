"""What all parts of the expression API stand on: from Python values to nodes, and checks of arguments."""

from __future__ import annotations

from tidegate import _sql_text
from tidegate._expr_aggregates import SortKey
from tidegate._expr_nodes import Call, Column, Literal, Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Union

    from tidegate._expr import Expr

    Names = Union[str, "Expr", Sequence[Union[str, "Expr"]]]
    Flags = Union[bool, Sequence[bool]]

_TYPES = {
    "bool": "BOOLEAN",
    "boolean": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INT",
    "int": "BIGINT",
    "int64": "BIGINT",
    "uint8": "TINYINT UNSIGNED",
    "uint16": "SMALLINT UNSIGNED",
    "uint32": "INT UNSIGNED",
    "uint64": "BIGINT UNSIGNED",
    "float32": "REAL",
    "float": "DOUBLE",
    "float64": "DOUBLE",
    "double": "DOUBLE",
    "str": "VARCHAR",
    "string": "VARCHAR",
    "text": "VARCHAR",
    "utf8": "VARCHAR",
    "object": "VARCHAR",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "datetime64": "TIMESTAMP",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
    "bytes": "BYTEA",
    "binary": "BYTEA",
}


class ExprBase:
    """An expression's node, and how a new expression is made of one."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def _make(self, node: Node) -> Expr:
        """Return an expression of a node."""
        return wrap(node)


def unwrap(expr: ExprBase) -> Node:
    """Return the node of an expression."""
    return expr._node


def wrap(node: Node) -> Expr:
    """Return the expression of a node."""
    from tidegate._expr import Expr

    return Expr(node)


def is_list(value: object) -> bool:
    """Return whether a value is a list or a tuple."""
    return isinstance(value, (list, tuple))


def listed(value: object) -> list[object]:
    """Return the values of a list or tuple, or a list of the one value."""
    if isinstance(value, (list, tuple)):
        return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return [value]


def node_of(value: object, argument: str) -> Node:
    """Return the node of an expression, or of a value that stands in one.

    Raises
    ------
    TypeError
        Names ``argument`` if there is no such value in SQL.

    """
    if isinstance(value, ExprBase):
        return unwrap(value)
    kind = type(value).__name__
    if kind in ("LazyFrame", "DataFrame", "Series", "list", "tuple", "dict", "set"):
        raise TypeError(f"{argument} is a {kind}; expected a column, an expression or one value")
    try:
        return Literal(value)
    except TypeError as error:
        raise TypeError(f"{argument}: {error}") from None


def column_node(value: object, argument: str) -> Node:
    """Return the node of an expression, or of the column of that name.

    Raises
    ------
    TypeError
        Names ``argument`` if it is neither.

    """
    if isinstance(value, str):
        return Column(value)
    if isinstance(value, ExprBase):
        return unwrap(value)
    raise TypeError(f"{argument} is of type {type(value).__name__}; expected the name of a column or an expression")


def column_nodes(values: Iterable[object], argument: str) -> list[Node]:
    """Return the nodes of names and expressions, which may be in a list."""
    return [column_node(item, argument) for value in values for item in listed(value)]


def sort_keys(
    values: Iterable[object], *, descending: object = False, nulls_last: object = True, argument: str = "by"
) -> list[SortKey]:
    """Return the parts of an order.

    Raises
    ------
    TypeError
        If ``descending`` or ``nulls_last`` is neither a truth value nor a list of them.
    ValueError
        If such a list is not as long as there are keys.

    """
    nodes = column_nodes(values, argument)
    down = _flags(descending, "descending", len(nodes))
    last = _flags(nulls_last, "nulls_last", len(nodes))
    keys = zip(nodes, down, last)
    return [SortKey(node, descending=descending, nulls_last=nulls) for node, descending, nulls in keys]


def _flags(value: object, argument: str, count: int) -> list[bool]:
    if isinstance(value, bool):
        return [value] * count
    if not is_list(value):
        raise TypeError(f"{argument} is of type {type(value).__name__}; expected True, False or a list of them")
    flags = [check_flag(flag, argument) for flag in listed(value)]
    if len(flags) != count:
        raise ValueError(f"{argument} has {len(flags)} values for {count} columns")
    return flags


def check_flag(value: object, argument: str) -> bool:
    """Return a truth value, or raise a TypeError that names the argument."""
    if isinstance(value, bool):
        return value
    raise TypeError(f"{argument} is of type {type(value).__name__}; expected True or False")


def check_text(value: object, argument: str) -> str:
    """Return a text, or raise a TypeError that names the argument."""
    if isinstance(value, str):
        return value
    raise TypeError(f"{argument} is of type {type(value).__name__}; expected a text")


def check_int(value: object, argument: str, *, least: int | None = None) -> int:
    """Return a whole number, or raise a TypeError that names the argument.

    A ValueError if it is less than ``least``.
    """
    index = getattr(value, "__index__", None)
    if isinstance(value, bool) or index is None:
        raise TypeError(f"{argument} is of type {type(value).__name__}; expected a whole number")
    number = int(index())
    if least is not None and number < least:
        raise ValueError(f"{argument} is {number}; expected at least {least}")
    return number


def check_number(value: object, argument: str) -> float:
    """Return a number as a float, or raise a TypeError that names the argument."""
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or hasattr(value, "__float__")):
        raise TypeError(f"{argument} is of type {type(value).__name__}; expected a number")
    return float(value)  # pyright: ignore[reportArgumentType]


def sql_type(dtype: object) -> str:
    """Return the SQL of a type: Python's, NumPy's, Polars' or PyArrow's, or its name.

    Raises
    ------
    TypeError
        Lists the names that are known.

    Examples
    --------
    >>> sql_type(int), sql_type("float32"), sql_type("decimal(10, 2)")
    ('BIGINT', 'REAL', 'DECIMAL(10, 2)')

    """
    name = dtype.__name__ if isinstance(dtype, type) else str(dtype)
    head, _, rest = name.strip().lower().replace("[", "(").partition("(")
    if head in ("decimal", "decimal128") and rest:
        digits = [part.strip() for part in rest.rstrip(")]").split(",")]
        numbers = [part.rpartition("=")[2] for part in digits]
        if len(numbers) == 2 and all(number.isdigit() for number in numbers):
            return f"DECIMAL({numbers[0]}, {numbers[1]})"
    if head in _TYPES:
        return _TYPES[head]
    raise TypeError(f"dtype is {dtype!r}; known are {', '.join(sorted(_TYPES))} and decimal(digits, scale)")


def is_text(node: Node) -> bool:
    """Return whether a node is known to be a text."""
    from tidegate._expr_nodes import Scope

    return isinstance(node, (Literal, Call)) and node.kind(Scope()) == "text"


def quoted(value: str) -> Node:
    """Return the node of a text."""
    return Literal(value)


def braces(value: str) -> str:
    """Return SQL of a text that can stand in a template of :class:`Call`."""
    return _sql_text.text(value).replace("{", "{{").replace("}", "}}")
