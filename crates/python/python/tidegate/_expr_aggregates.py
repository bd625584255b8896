"""Parts of expressions that look at many rows: aggregates, windows, and ``.over(..)``."""

from __future__ import annotations

from tidegate._expr_nodes import ATOM, OR, WHOLE_WINDOW, Column, Node, Only, Raw, Scope, Window, inner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Optional

    from tidegate._expr_nodes import Sql


class SortKey:
    """One part of an order.

    Parameters
    ----------
    part
        What is compared.
    descending
        Whether the greatest comes first.
    nulls_last
        Whether NULL comes at the end; it does in pandas, in both directions.

    """

    __slots__ = ("descending", "nulls_last", "part")

    def __init__(self, part: Node, *, descending: bool = False, nulls_last: bool = True) -> None:
        self.part = part
        self.descending = descending
        self.nulls_last = nulls_last

    def render(self, scope: Scope) -> str:
        """Return it as it stands in ORDER BY."""
        return self.text(inner(self.part, scope, OR))

    def text(self, key: str) -> str:
        """Return the order by a key that is SQL already.

        SQL's own place of NULL depends on the direction, so it is written.
        """
        if self.descending:
            return f"{key} DESC NULLS {'LAST' if self.nulls_last else 'FIRST'}"
        return key if self.nulls_last else f"{key} NULLS FIRST"

    def reversed(self) -> SortKey:
        """Return the order from the other end."""
        return SortKey(self.part, descending=not self.descending, nulls_last=not self.nulls_last)


class Aggregate(Node):
    """One value of many rows.

    Parameters
    ----------
    template
        The call, with ``{0}`` for its argument and ``{order}`` for an ORDER BY within it.
    argument
        What it takes; ``None`` for ``count(*)``.
    wrap
        What goes around the call and its FILTER, with ``{0}`` for them.
    truth
        Whether a truth value counts as 0 or 1.
    order
        The order of its rows, where that matters.

    """

    __slots__ = ("argument", "order", "template", "truth", "wrap")

    def __init__(
        self,
        template: str,
        argument: Optional[Node],
        *,
        wrap: str = "{0}",
        truth: bool = False,
        order: Sequence[SortKey] = (),
    ) -> None:
        self.template = template
        self.argument = argument
        self.wrap = wrap
        self.truth = truth
        self.order = tuple(order)

    @property
    def parts(self) -> tuple[Node, ...]:
        keys = tuple(key.part for key in self.order)
        return ((self.argument,) if self.argument is not None else ()) + keys

    @property
    def name(self) -> str:
        return self.argument.name if self.argument is not None else "len"

    def render(self, scope: Scope) -> Sql:
        if scope.aggregates not in ("group", "window"):
            raise TypeError(scope.aggregates)
        within = scope.inside_aggregate()
        argument = self.argument
        conditions: list[Node] = []
        while isinstance(argument, Only):
            conditions.append(argument.condition)
            argument = argument.part
        text = "" if argument is None else self._argument(argument, within)
        order = [key.render(within) for key in self.order]
        over = ""
        if scope.aggregates == "window":
            window = scope.window or Window()
            # A window with an order of its own would end at the current row.
            over = window.text(order=order or (window.order if "{order}" in self.template else ()), frame=WHOLE_WINDOW)
            order = []
        call = self.template.format(text, order=f" ORDER BY {', '.join(order)}" if order else "")
        only = (
            f" FILTER (WHERE {' AND '.join(inner(part, within, OR + (len(conditions) > 1)) for part in conditions)})"
            if conditions
            else ""
        )
        return self.wrap.format(f"{call}{only}{over}"), ATOM

    def _argument(self, argument: Node, scope: Scope) -> str:
        text = inner(argument, scope, 0)
        return f"CAST({text} AS BIGINT)" if self.truth and argument.kind(scope) == "bool" else text


class Ranked(Node):
    """A value of each row that depends on the rows before it, or on its place among them.

    Parameters
    ----------
    template
        The call, with ``{over}`` where OVER goes and ``{0}`` for the argument; the call can stand there several times.
    arguments
        What it takes.
    what
        How it is called in errors: ``.cum_sum()``.
    frame
        The rows that it sees.
    order
        The order of the rows, if it is the function's own, as for ranks.

    """

    __slots__ = ("arguments", "frame", "order", "template", "what")

    def __init__(
        self,
        template: str,
        *arguments: Node,
        what: str,
        frame: str = "",
        order: Sequence[SortKey] = (),
    ) -> None:
        self.template = template
        self.arguments = arguments
        self.what = what
        self.frame = frame
        self.order = tuple(order)

    @property
    def parts(self) -> tuple[Node, ...]:
        return (*self.arguments, *(key.part for key in self.order))

    def render(self, scope: Scope) -> Sql:
        if scope.aggregates != "window":
            raise TypeError(
                f"`{self.what}` is of rows and cannot stand within an aggregate"
                if scope.aggregates != "group"
                else f"`{self.what}` is of rows and not of groups: compute it with .with_columns before"
            )
        window = scope.window or Window()
        within = scope.inside_aggregate()
        order = [key.render(within) for key in self.order] or None
        if order is None and not window.order:
            raise TypeError(f"`{self.what}` needs an order of the rows: end it with .over(order_by=..)")
        texts = [inner(part, within, 0) for part in self.arguments]
        return self.template.format(*texts, over=window.text(frame=self.frame, order=order)), ATOM


class Over(Node):
    """A part, of which each aggregate looks at the rows of the same keys."""

    __slots__ = ("keys", "order", "part")

    def __init__(self, part: Node, keys: Sequence[Node], order: Sequence[SortKey] = ()) -> None:
        self.part = part
        self.keys = tuple(keys)
        self.order = tuple(order)

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.part, *self.keys, *(key.part for key in self.order))

    def render(self, scope: Scope) -> Sql:
        if scope.aggregates != "window":
            reason = "`.over(..)` is of rows and not of groups: compute it with .with_columns before"
            raise TypeError(reason if scope.aggregates == "group" else scope.aggregates)
        within = scope.inside_aggregate()
        keys = [inner(key, within, OR) for key in self.keys]
        order = [key.render(within) for key in self.order]
        return self.part.render(Scope(scope.lookup, window=Window(keys, order)))


class Facts:
    """What an expression needs of the place where it goes.

    Attributes
    ----------
    columns
        The names of the columns in it, in the order in which they are met.
    aggregates
        Whether there is an aggregate that ``.over(..)`` does not make a window.
    windows
        Whether there is a window.
    row_columns
        Those of them that stand outside of aggregates.
    raw
        Whether there is SQL whose columns are not known.

    """

    __slots__ = ("aggregates", "columns", "raw", "row_columns", "windows")

    def __init__(self, *nodes: Node) -> None:
        self.columns: dict[str, None] = {}
        self.row_columns: dict[str, None] = {}
        self.aggregates = self.windows = self.raw = False
        stack: list[tuple[Node, bool, bool]] = [(node, False, False) for node in nodes]
        while stack:
            node, in_aggregate, in_window = stack.pop()
            if isinstance(node, Column):
                self.columns[node.column] = None
                if not in_aggregate:
                    self.row_columns[node.column] = None
            elif isinstance(node, Raw):
                self.raw = True
            elif isinstance(node, Aggregate):
                self.aggregates |= not in_window
            self.windows |= isinstance(node, (Over, Ranked))
            below = (in_aggregate or isinstance(node, Aggregate), in_window or isinstance(node, Over))
            stack.extend((part, *below) for part in node.parts)

    @property
    def rows(self) -> bool:
        """Whether something of single rows stands outside of aggregates: a column or a window."""
        return bool(self.row_columns) or self.windows
