"""What expressions are made of, and how each part becomes SQL.

*Model.* An expression is a tree of nodes that nobody changes. A :class:`Scope` says what the names of columns stand for
at the place in the query where the expression goes, and what an aggregate is there: one value for each group, or a
window. *Brackets.* Rendering returns the text with the level at which it binds; a part that binds less than its place
asks for gets brackets, and no other.
"""

from __future__ import annotations

from tidegate import _sql_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Callable, Optional, Union

    Sql = tuple[str, int]
    Lookup = Callable[[str], "Resolved"]

# How tightly a text binds. Comparisons do not chain: `a = b = c` gets brackets.
OR, AND, NOT, COMPARE, ADD, MULTIPLY, SIGN, ATOM = range(1, 9)

WHOLE_WINDOW = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
RUNNING_WINDOW = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


class Resolved:
    """What the name of a column stands for.

    Parameters
    ----------
    text
        SQL.
    level
        How tightly it binds.
    kind
        ``"bool"``, ``"text"``, ``"unsigned"``, or ``""`` if that is not known; or a function that finds it out.

    """

    __slots__ = ("_kind", "level", "text")

    def __init__(self, text: str, level: int = ATOM, kind: Union[str, Callable[[], str]] = "") -> None:
        self.text = text
        self.level = level
        self._kind = kind

    @property
    def kind(self) -> str:
        """What is known of the type. The engine may be asked for it, so only what needs it looks here."""
        if not isinstance(self._kind, str):
            self._kind = self._kind()
        return self._kind


def by_name(name: str) -> Resolved:
    """Return the column of that name: where nothing else is known."""
    return Resolved(_sql_text.identifier(name))


class Window:
    """What stands in the brackets of OVER, in parts."""

    __slots__ = ("order", "partition")

    def __init__(self, partition: Sequence[str] = (), order: Sequence[str] = ()) -> None:
        self.partition = tuple(partition)
        self.order = tuple(order)

    def text(self, *, frame: str = "", order: Sequence[str] | None = None) -> str:
        """Return the OVER clause, with another order than the window's own if one is given."""
        keys = self.order if order is None else tuple(order)
        parts = ["PARTITION BY " + ", ".join(self.partition)] if self.partition else []
        if keys:
            parts.append("ORDER BY " + ", ".join(keys))
            if frame:
                parts.append(frame)
        return f" OVER ({' '.join(parts)})"


class Scope:
    """The place where an expression goes.

    Parameters
    ----------
    lookup
        What a column's name stands for.
    aggregates
        ``"group"``: an aggregate is one value of each group; ``"window"``: it is a window; else the reason why there
        can be none, which is what the error says.
    window
        The window, inside of ``.over(..)``.

    """

    __slots__ = ("aggregates", "lookup", "window")

    def __init__(
        self, lookup: Lookup = by_name, *, aggregates: str = "window", window: Optional[Window] = None
    ) -> None:
        self.lookup = lookup
        self.aggregates = aggregates
        self.window = window

    def inside_aggregate(self) -> Scope:
        """Return the scope of an aggregate's own arguments."""
        reason = (
            "an aggregate or a window cannot stand within an aggregate; compute the inner one with .with_columns first"
        )
        return Scope(self.lookup, aggregates=reason)


class Node:
    """A part of an expression."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[Node, ...]:
        """The nodes below."""
        return ()

    def render(self, scope: Scope) -> Sql:
        """Return the SQL, and how tightly it binds."""
        raise NotImplementedError

    def kind(self, scope: Scope) -> str:
        """Return ``"bool"``, ``"text"``, ``"unsigned"`` or ``""``, as far as it is known."""
        return ""

    @property
    def name(self) -> str:
        """The name that a column of this gets by itself: that of its first column."""
        return self.parts[0].name if self.parts else "literal"


def inner(node: Node, scope: Scope, level: int) -> str:
    """Return a part's SQL, in brackets if it binds less than ``level``."""
    text, own = node.render(scope)
    return text if own >= level else f"({text})"


class Column(Node):
    """A column by its name."""

    __slots__ = ("column",)

    def __init__(self, column: str) -> None:
        self.column = column

    def render(self, scope: Scope) -> Sql:
        resolved = scope.lookup(self.column)
        return resolved.text, resolved.level

    def kind(self, scope: Scope) -> str:
        return scope.lookup(self.column).kind

    @property
    def name(self) -> str:
        return self.column


class Literal(Node):
    """A value."""

    __slots__ = ("text", "value")

    def __init__(self, value: object) -> None:
        self.value = value
        self.text = _sql_text.literal(value)

    def render(self, scope: Scope) -> Sql:
        del scope
        return self.text, SIGN if self.text.startswith("-") else ATOM

    def kind(self, scope: Scope) -> str:
        del scope
        if isinstance(self.value, bool):
            return "bool"
        return "text" if isinstance(self.value, str) else ""


class Raw(Node):
    """SQL as it is."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, scope: Scope) -> Sql:
        del scope
        return f"({self.text})", ATOM

    @property
    def name(self) -> str:
        return self.text


class Call(Node):
    """A function or another form: ``{0}`` in its template is the first argument.

    Parameters
    ----------
    template
        SQL with ``{0}``, ``{1}``, as ``str.format`` has them.
    arguments
        What goes there.
    kind
        What is known of the result's type.
    level
        How tightly the whole binds.
    inner_level
        How tightly arguments must bind: zero inside of the brackets of a function.

    """

    __slots__ = ("arguments", "inner_level", "level", "result", "template")

    def __init__(
        self, template: str, *arguments: Node, kind: str = "", level: int = ATOM, inner_level: int = 0
    ) -> None:
        self.template = template
        self.arguments = arguments
        self.result = kind
        self.level = level
        self.inner_level = inner_level

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.arguments

    def render(self, scope: Scope) -> Sql:
        texts = [inner(part, scope, self.inner_level) for part in self.arguments]
        return self.template.format(*texts), self.level

    def kind(self, scope: Scope) -> str:
        del scope
        return self.result


class Infix(Node):
    """Two parts with an operator between.

    Chains of one operator are long at times, so that nothing here recurses into them.
    """

    __slots__ = ("left", "level", "operator", "result", "right")

    def __init__(self, operator: str, level: int, left: Node, right: Node, *, kind: str = "") -> None:
        self.operator = operator
        self.level = level
        self.left = left
        self.right = right
        self.result = kind

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.left, self.right

    def render(self, scope: Scope) -> Sql:
        chain: list[Infix] = [self]
        while isinstance(chain[-1].left, Infix) and chain[-1].left.level == self.level != COMPARE:
            chain.append(chain[-1].left)
        last = chain[-1]
        texts = [inner(last.left, scope, self.level + (self.level == COMPARE))]
        for link in reversed(chain):
            # AND and OR may stand in any order; `a - (b - c)` needs its brackets.
            texts.append(f" {link.operator} {inner(link.right, scope, self.level + (self.level > AND))}")
        return "".join(texts), self.level

    def kind(self, scope: Scope) -> str:
        del scope
        return self.result

    @property
    def name(self) -> str:
        node: Node = self
        while isinstance(node, Infix):
            node = node.left
        return node.name


class Signed(Node):
    """A part of a difference: a number that knows no sign gets one, or the result would wrap around below zero."""

    __slots__ = ("part",)

    def __init__(self, part: Node) -> None:
        self.part = part

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.part,)

    def render(self, scope: Scope) -> Sql:
        text, level = self.part.render(scope)
        return (f"CAST({text} AS BIGINT)", ATOM) if self.part.kind(scope) == "unsigned" else (text, level)


class Division(Node):
    """``a / b``, which is a double whatever the types, as in pandas and Polars."""

    __slots__ = ("left", "right")

    def __init__(self, left: Node, right: Node) -> None:
        self.left = left
        self.right = right

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.left, self.right

    def render(self, scope: Scope) -> Sql:
        left = f"CAST({inner(self.left, scope, 0)} AS DOUBLE)"
        if isinstance(self.right, Literal) and type(self.right.value) in (int, float):
            value = float(str(self.right.value))
            return f"{left} / {inner(Literal(value), scope, SIGN)}", MULTIPLY
        return f"{left} / CAST({inner(self.right, scope, 0)} AS DOUBLE)", MULTIPLY


class Case(Node):
    """``CASE WHEN .. THEN .. ELSE .. END``."""

    __slots__ = ("branches", "otherwise")

    def __init__(self, branches: Sequence[tuple[Node, Node]], otherwise: Optional[Node]) -> None:
        self.branches = tuple(branches)
        self.otherwise = otherwise

    @property
    def parts(self) -> tuple[Node, ...]:
        values = [part for condition, value in self.branches for part in (value, condition)]
        return (*values, *((self.otherwise,) if self.otherwise is not None else ()))

    def render(self, scope: Scope) -> Sql:
        texts = [f"WHEN {inner(when, scope, OR)} THEN {inner(then, scope, OR)}" for when, then in self.branches]
        if self.otherwise is not None:
            texts.append(f"ELSE {inner(self.otherwise, scope, OR)}")
        return f"CASE {' '.join(texts)} END", ATOM

    def kind(self, scope: Scope) -> str:
        kinds = {value.kind(scope) for _, value in self.branches}
        return kinds.pop() if len(kinds) == 1 and "unsigned" not in kinds else ""


class Alias(Node):
    """A part under another name."""

    __slots__ = ("alias", "part")

    def __init__(self, part: Node, alias: str) -> None:
        self.part = part
        self.alias = alias

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.part,)

    def render(self, scope: Scope) -> Sql:
        return self.part.render(scope)

    def kind(self, scope: Scope) -> str:
        return self.part.kind(scope)

    @property
    def name(self) -> str:
        return self.alias


class Only(Node):
    """The rows of a part for which a condition holds: what an aggregate takes into account."""

    __slots__ = ("condition", "part")

    def __init__(self, part: Node, condition: Node) -> None:
        self.part = part
        self.condition = condition

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.part, self.condition

    def render(self, scope: Scope) -> Sql:
        raise TypeError(
            "`.filter(..)` of an expression needs an aggregate after it, such as .sum(); to keep rows, filter the frame"
        )

    def kind(self, scope: Scope) -> str:
        return self.part.kind(scope)


class Star(Node):
    """All columns but some."""

    __slots__ = ("without",)

    def __init__(self, without: Sequence[str] = ()) -> None:
        self.without = tuple(without)

    def render(self, scope: Scope) -> Sql:
        raise TypeError("`all()` and `exclude()` stand alone in .select(..), without operators")

    @property
    def name(self) -> str:
        return "*"
