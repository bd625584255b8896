"""From the steps of a frame to one SQL text.

Each step fills a part of the query so far, if that means the same; else the query so far gets a name in WITH, and the
step begins a new query that reads from it. A sort is carried along: the result of what keeps the order of rows has it,
also where the column that was sorted by is gone.
"""

from __future__ import annotations

from tidegate._errors import QueryError
from tidegate._expr_aggregates import Facts, SortKey
from tidegate._expr_nodes import AND, OR, Alias, Column, Literal, Node, Only, Resolved, Scope, Star
from tidegate._frame_query import VIRTUAL_COLUMNS, Item, Order, Query, Source
from tidegate._sql_text import identifier, with_tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Callable, Optional

    Schema = Mapping[str, str]


class Compiler:
    """Names of queries in WITH, and how the engine is asked for columns.

    Parameters
    ----------
    ask
        Returns the columns of a query and their types, without running it.
    avoid
        Texts whose words are not used as names.

    """

    def __init__(self, ask: Callable[[str], Schema], avoid: Iterable[str] = ()) -> None:
        self.ask = ask
        self.steps: list[tuple[str, str]] = []
        self._prefix = "step"
        texts = [text.lower() for text in avoid]
        while any(self._prefix in text for text in texts):
            self._prefix += "_"

    def text(self, query: Query) -> str:
        """Return the whole text of a query."""
        return with_tables(self.steps, query.text())

    def named(self, query: Query) -> Source:
        """Give a query a name in WITH, and return it as a source. Its order is of use only to its own LIMIT."""
        if query.raw is None and not query.limited:
            query = query.copy(order=[])
        text = query.text()
        name = next((name for name, known in self.steps if known == text), "")
        if not name:
            name = f"{self._prefix}{len(self.steps) + 1}"
            self.steps.append((name, text))
        if query.items is None:
            return Source(name, query.source.columns, query.source.known, kinds=query.source.kind)
        known = query.known() or {}
        items = {item.name: item for item in query.items}
        return Source(name, lambda: known, lambda: known, kinds=lambda column: items[column].resolved.kind)

    def begin(self, query: Query) -> Query:
        """Return a query that reads from another one, in the same order."""
        if query.bare:
            return query
        hidden: list[Item] = []
        orders: list[Order] = []
        for part in query.order:
            name = visible = _visible(query, part)
            if name is None:
                hidden.append(_hidden_item(query, hidden, part.text, part.columns))
                name = hidden[-1].name
            orders.append(Order(part.key, identifier(name), [name], visible))
        items = None
        inner = query
        if hidden:
            shown = query.listed()
            inner = query.copy(items=[*shown, *hidden])
            items = [_same_kind(item) for item in shown]
        outer = Query(self.named(inner), items=items)
        outer.order = orders
        return outer


def _hidden_item(query: Query, further: Sequence[Item], text: str, columns: Sequence[str] = ()) -> Item:
    """Return a column under a name that no other has, for what the rows are ordered by."""
    taken = {*query.names(), *(item.name for item in further)}
    at = 1
    while f"_order_{at}" in taken:
        at += 1
    return Item(f"_order_{at}", Resolved(text), columns=columns, windows=True)


def _same_kind(item: Item) -> Item:
    """Return a column of a new source that is a column of the query before."""
    return Item.of_source(item.name, lambda: item.resolved.kind)


def _visible(query: Query, part: Order) -> Optional[str]:
    """Return the column of the result that a part of the order is, if there is one."""
    for item in query.items or ():
        if item.resolved.text == part.text:
            return item.name
    if query.items is not None or len(part.columns) != 1 or part.text != identifier(part.columns[0]):
        return None
    # `*` goes without a virtual column.
    virtual = query.source.virtual and part.columns[0] in VIRTUAL_COLUMNS
    return None if virtual else part.columns[0]


# -- what an expression means in a query --


def lookup(query: Query) -> Callable[[str], Resolved]:
    """Return what the names of columns stand for in a query."""

    def find(name: str) -> Resolved:
        item = query.item(name)
        if item is None:
            raise unknown_column(name, query.names())
        return item.resolved

    return find


def unknown_column(name: str, names: Sequence[str]) -> QueryError:
    """Return the error for a column that is not there, with the names that are nearest."""
    from difflib import get_close_matches

    lower = {known.lower(): known for known in reversed(list(names))}
    near = [lower[match] for match in get_close_matches(name.lower(), list(lower), n=3, cutoff=0.6)]
    if near:
        help = "did you mean " + " or ".join(f"`{known}`" for known in near) + "?"
    else:
        help = "the columns are " + ", ".join(f"`{known}`" for known in list(names)[:20])
        help += f" and {len(names) - 20} more" if len(names) > 20 else ""
    return QueryError(f"there is no column `{name}`", help=help)


def fits(query: Query, facts: Facts) -> bool:
    """Whether an expression can be written in terms of the source of a query: what it uses is short, and no window."""
    if query.raw is not None or (facts.raw and not all(item.same for item in query.items or ())):
        return False
    items = [query.item(name) for name in facts.columns]
    return all(item is None or item.can_be_written_again for item in items)


def source_columns(query: Query, facts: Facts) -> list[str]:
    """Return the columns of the source that an expression comes down to."""
    items = [query.item(name) for name in facts.columns]
    return [column for item in items if item is not None for column in item.columns]


def condition(node: Node, scope: Scope, level: int = AND) -> str:
    """Return a condition as it stands beside others."""
    text, own = node.render(scope)
    return text if own >= level else f"({text})"


def item_of(query: Query, node: Node, scope: Scope, facts: Facts) -> Item:
    """Return an expression as a column of the result."""
    part = node
    while isinstance(part, Alias):
        part = part.part
    if isinstance(part, Only):
        part.render(scope)
    if isinstance(part, Column):
        item = query.item(part.column)
        if item is None:
            raise unknown_column(part.column, query.names())
        return item.renamed(node.name)
    text, level = node.render(scope)
    # What a user has written may be different each time, such as random().
    windows = facts.raw or facts.windows or (facts.aggregates and scope.aggregates == "window")
    resolved = Resolved(text, level, lambda: node.kind(scope))
    return Item(node.name, resolved, columns=source_columns(query, facts), windows=windows)


def check_names(items: Sequence[Item]) -> list[Item]:
    """Return the columns, if no two have the same name.

    Raises
    ------
    ValueError
        Names the first that is there twice.

    """
    seen: set[str] = set()
    for item in items:
        if item.name in seen:
            raise ValueError(f"two columns are called `{item.name}`; give one another name with .alias(..)")
        seen.add(item.name)
    return list(items)


def _hides_order(query: Query, items: Sequence[Item]) -> bool:
    """Whether a column in ORDER BY would mean something else beside these columns."""
    hiding = {item.name for item in items if not item.same}
    loose = [part for part in query.order if not part.is_one_of(items)]
    return any(column in hiding for part in loose for column in part.columns)


# -- steps --


def select(compiler: Compiler, query: Query, nodes: Sequence[Node]) -> Query:
    """Keep and compute columns; of aggregates alone, one row."""
    expanded: list[Node] = []
    for node in nodes:
        if isinstance(node, Star):
            if not node.without and len(nodes) == 1:
                return query
            expanded.extend(Column(name) for name in _without(query, node.without))
        else:
            expanded.append(node)
    facts = Facts(*expanded)
    if facts.aggregates and not facts.rows:
        return aggregate(compiler, query, [], expanded)
    return _compute(compiler, query, expanded, kept=[])


def with_columns(compiler: Compiler, query: Query, nodes: Sequence[Node]) -> Query:
    """Add columns; one that is there already is computed anew in its place."""
    return _compute(compiler, query, nodes, kept=query.names())


def _compute(compiler: Compiler, query: Query, nodes: Sequence[Node], *, kept: Sequence[str]) -> Query:
    facts = Facts(*nodes)
    by_window = facts.windows or facts.aggregates
    # A window sees the rows that WHERE has kept, before QUALIFY and LIMIT.
    if (
        not fits(query, facts)
        or query.distinct is not None
        or query.one_row
        or (query.group is not None and by_window)
        or (by_window and (query.limited or query.qualify))
    ):
        query = compiler.begin(query)
    scope = Scope(lookup(query))
    computed = check_names([item_of(query, node, scope, Facts(node)) for node in nodes])
    items = computed
    if kept:
        new = {item.name: item for item in computed}
        listed = {item.name: item for item in query.listed()}
        items = [new.pop(name, listed[name]) for name in kept] + list(new.values())
    if _hides_order(query, items):
        return _compute(compiler, _with_hidden_order(compiler, query), nodes, kept=kept)
    return query.copy(items=items)


def _with_hidden_order(compiler: Compiler, query: Query) -> Query:
    """Return a query that reads from this one, whose order goes by columns of names that nothing else has."""
    hidden: list[Item] = []
    for part in query.order:
        hidden.append(_hidden_item(query, hidden, part.text, part.columns))
    shown = query.listed()
    outer = Query(compiler.named(query.copy(items=[*shown, *hidden])))
    return outer.copy(
        items=[_same_kind(item) for item in shown],
        order=[Order(part.key, identifier(item.name), [item.name], None) for part, item in zip(query.order, hidden)],
    )


def keep_rows(compiler: Compiler, query: Query, node: Node) -> Query:
    """Keep the rows for which a condition holds."""
    facts = Facts(node)
    by_window = facts.windows or facts.aggregates
    grouped = query.group is not None
    if (
        not fits(query, facts)
        or query.limited
        or query.distinct is not None
        or query.has_windows
        or query.one_row
        or (grouped and by_window)
    ):
        query = compiler.begin(query)
        grouped = False
    text = condition(node, Scope(lookup(query)))
    if by_window:
        return query.copy(qualify=[*query.qualify, text])
    if grouped:
        return query.copy(having=[*query.having, text])
    return query.copy(where=[*query.where, text])


def aggregate(compiler: Compiler, query: Query, keys: Sequence[Node], nodes: Sequence[Node]) -> Query:
    """Compute aggregates for each group of rows with the same keys; without keys, of all rows."""
    facts = Facts(*keys, *nodes)
    blocked = query.limited or query.group is not None or query.distinct is not None or bool(query.qualify)
    if blocked or not fits(query, facts):
        query = compiler.begin(query)
    names = lookup(query)
    no_aggregates = Scope(names, aggregates="a key of group_by is a value of each row, and no aggregate")
    for node in keys:
        if Facts(node).windows:
            raise TypeError("a key of group_by is no window; compute it with .with_columns before")
    items = [item_of(query, node, no_aggregates, Facts(node)) for node in keys]
    group = [_group_text(node, item) for node, item in zip(keys, items)]
    scope = Scope(names, aggregates="group")
    own = {node.column for node in map(_unnamed, keys) if isinstance(node, Column)}
    for node in nodes:
        loose = [name for name in Facts(node).row_columns if name not in own]
        if loose:
            raise TypeError(
                f"`{node.name}` is not one value for each group, because of the column `{loose[0]}`: end it with an "
                "aggregate, such as .sum(), .max() or .first()"
            )
        items.append(item_of(query, node, scope, Facts(node)))
    return query.copy(items=check_names(items), group=group, order=[])


def _unnamed(node: Node) -> Node:
    while isinstance(node, Alias):
        node = node.part
    return node


def _group_text(node: Node, item: Item) -> str:
    # A number alone would be the number of a column.
    literal = isinstance(_unnamed(node), Literal) or item.resolved.text.lstrip("-").isdigit()
    return f"coalesce({item.resolved.text})" if literal else item.resolved.text


def sort(compiler: Compiler, query: Query, keys: Sequence[SortKey]) -> Query:
    """Order the rows."""
    facts = Facts(*(key.part for key in keys))
    grouped_window = query.group is not None and (facts.aggregates or facts.windows)
    if query.limited or grouped_window or query.raw is not None or query.distinct is not None:
        query = compiler.begin(query)
    orders = [_order(query, key) for key in keys]
    probe = query.copy(order=orders)
    if not fits(query, facts) or _hides_order(probe, query.items or ()):
        query = compiler.begin(query.copy(order=[]))
        orders = [_order(query, key) for key in keys]
    return query.copy(order=orders)


def _order(query: Query, key: SortKey) -> Order:
    part = _unnamed(key.part)
    facts = Facts(part)
    text = condition(part, Scope(lookup(query)), OR)
    if isinstance(part, Literal):
        text = f"coalesce({text})"
    name = part.column if isinstance(part, Column) else None
    return Order(key, text, source_columns(query, facts), name)


def limit(compiler: Compiler, query: Query, offset: int, length: Optional[int]) -> Query:
    """Keep some rows by their place."""
    if query.raw is not None:
        query = compiler.begin(query)
    left = None if query.length is None else max(query.length - offset, 0)
    kept = [count for count in (left, length) if count is not None]
    return query.copy(offset=query.offset + offset, length=min(kept) if kept else None)


def tail(compiler: Compiler, query: Query, length: int) -> Query:
    """Keep the last rows, which needs an order."""
    if not query.order:
        raise ValueError("the last rows need an order: call .sort(..) before .tail(..)")
    if query.limited:
        query = compiler.begin(query)
    flipped = query.copy(order=[part.flipped() for part in query.order], length=length)
    result = compiler.begin(flipped)
    return result.copy(order=[part.flipped() for part in result.order])


def unique(compiler: Compiler, query: Query, subset: Sequence[str], keep: str) -> Query:
    """Keep one of the rows that are the same."""
    if keep == "any" and not subset:
        if query.limited or query.raw is not None or query.qualify or query.distinct is not None:
            query = compiler.begin(query)
        return query.copy(distinct=[], order=[])
    if keep in ("first", "last") and not query.order:
        raise ValueError(f"keep={keep!r} needs an order: call .sort(..) before, or use keep='any'")
    blocked = query.limited or query.group is not None or query.distinct is not None or query.has_windows
    names = list(subset) or query.names()
    facts = Facts(*(Column(name) for name in names))
    if blocked or not fits(query, facts):
        query = compiler.begin(query)
    find = lookup(query)
    keys = [find(name).text for name in names]
    if keep == "any":
        return query.copy(distinct=keys, order=[])
    listed = ", ".join(keys)
    if keep == "none":
        return query.copy(qualify=[*query.qualify, f"count(*) OVER (PARTITION BY {listed}) = 1"])
    order = query.order if keep == "first" else [part.flipped() for part in query.order]
    by = ", ".join(part.key.text(part.text) for part in order)
    return query.copy(qualify=[*query.qualify, f"row_number() OVER (PARTITION BY {listed} ORDER BY {by}) = 1"])


def choose(compiler: Compiler, query: Query, names: Sequence[tuple[str, str]]) -> Query:
    """Keep columns under other names: pairs of the old and the new one."""
    return _compute(compiler, query, [Alias(Column(old), new) for old, new in names], kept=[])


def _without(query: Query, names: Sequence[str]) -> list[str]:
    known = query.names()
    for name in names:
        if name not in known:
            raise unknown_column(name, known)
    return [name for name in known if name not in set(names)]


def sample(
    compiler: Compiler, query: Query, *, fraction: Optional[float], n: Optional[int], seed: Optional[int]
) -> Query:
    """Keep some rows by chance; with a seed, by what a digest of the row's place and the seed says."""
    if (
        query.raw is not None
        or query.limited
        or query.group is not None
        or query.distinct is not None
        or query.has_windows
    ):
        query = compiler.begin(query)
    chance = "random()"
    if seed is not None:
        if not query.source.virtual:
            raise ValueError("seed needs rows of files: call .sample(.., seed=..) right after tg.scan(..) and filters")
        chance = f"md5(concat(_file, ':', _offset, ':', '{seed}'))"
    if n is not None:
        # As a column of its own: without columns, the engine cannot order rows by a function.
        shown, hidden = query.listed(), _hidden_item(query, [], chance)
        order = [Order(SortKey(Column(hidden.name)), chance, [], hidden.name)]
        chosen = query.copy(items=[*shown, hidden], order=order, length=n)
        return Query(compiler.named(chosen), items=[_same_kind(item) for item in shown])
    share = fraction or 0.0
    if seed is None:
        return query.copy(where=[*query.where, f"random() < {share!r}"])
    bound = f"{min(int(share * 2**32), 2**32 - 1):08x}"
    return query.copy(where=[*query.where, f"{chance} < '{bound}'" if share < 1 else "true"])
