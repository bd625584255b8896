"""What a frame remembers: where its rows come from, and the steps since then."""

from __future__ import annotations

import itertools

from tidegate._frame_compile import Compiler
from tidegate._frame_join import JoinKeys, join
from tidegate._frame_query import Query, Source
from tidegate._sql_text import identifier, with_tables, without_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Callable, Optional

    from tidegate._result import Result


_numbers = itertools.count(1)


class Plan:
    """A source, or a step after another plan."""

    __slots__ = ("_schema", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self._schema: Optional[Mapping[str, str]] = None

    def _source(self, text: str, ask: Callable[[], Mapping[str, str]], *, virtual: bool = False) -> Source:
        """Return a source whose columns are asked for once, however many frames begin with it."""

        def columns() -> Mapping[str, str]:
            if self._schema is None:
                self._schema = ask()
            return self._schema

        return Source(text, columns, lambda: self._schema, virtual=virtual)

    def texts(self) -> list[str]:
        """Return the SQL that a user has written, and names of tables."""
        return []

    def begin(self, compiler: Compiler) -> Query:
        """Return the query of all of it."""
        raise NotImplementedError


class Files(Plan):
    """Files: what stands in FROM for them."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__(f"scan {text}")
        self.text = text

    def begin(self, compiler: Compiler) -> Query:
        ask = compiler.ask
        return Query(self._source(self.text, lambda: ask(f"SELECT * FROM {self.text} LIMIT 0"), virtual=True))


class Table(Plan):
    """A table of this process, under the name that it was registered by."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__(f"table {name}")
        self.name = name

    def texts(self) -> list[str]:
        return [self.name]

    def begin(self, compiler: Compiler) -> Query:
        ask, text = compiler.ask, identifier(self.name)
        return Query(self._source(text, lambda: ask(f"SELECT * FROM {text} LIMIT 0")))


class Statement(Plan):
    """A whole query that a user has written."""

    __slots__ = ("sql",)

    def __init__(self, sql: str) -> None:
        super().__init__("sql " + " ".join(sql.split()))
        self.sql = without_end(sql)

    def texts(self) -> list[str]:
        return [self.sql]

    def begin(self, compiler: Compiler) -> Query:
        source = self._source("", lambda: compiler.ask(f"SELECT * FROM (\n{self.sql}\n) AS t LIMIT 0"))
        return Query(source, raw=self.sql)


class Mapped(Plan):
    """What a function makes of the batches of another plan: for the engine, a table of this process."""

    __slots__ = ("input", "name", "stream")

    def __init__(self, input: Plan, stream: Callable[[], Result]) -> None:
        super().__init__("map_batches")
        self.input = input
        self.name = f"_batches_{next(_numbers)}"
        self.stream = stream

    def texts(self) -> list[str]:
        return [self.name]

    def begin(self, compiler: Compiler) -> Query:
        ask, text = compiler.ask, identifier(self.name)
        return Query(self._source(text, lambda: ask(f"SELECT * FROM {text} LIMIT 0")))


class Step(Plan):
    """A step after another plan.

    Parameters
    ----------
    input
        What comes before.
    what
        How it is shown.
    function
        Takes the compiler, the query so far and ``arguments``, and returns the query.

    """

    __slots__ = ("arguments", "function", "input")

    def __init__(self, input: Plan, what: str, function: Callable[..., Query], *arguments: Any) -> None:
        super().__init__(what)
        self.input = input
        self.function = function
        self.arguments = arguments


class SqlStep(Step):
    """A query that a user has written over ``self``, the frame before."""

    __slots__ = ("sql",)

    def __init__(self, input: Plan, sql: str) -> None:
        super().__init__(input, "sql " + " ".join(sql.split()), self._apply)
        self.sql = without_end(sql)

    def texts(self) -> list[str]:
        return [self.sql]

    def _apply(self, compiler: Compiler, query: Query) -> Query:
        body = query.text()
        steps = list(compiler.steps)

        def ask() -> Mapping[str, str]:
            text = with_tables([*steps, ("self", body)], f"SELECT * FROM (\n{self.sql}\n) AS t LIMIT 0")
            return compiler.ask(text)

        return Query(self._source("", ask), raw=with_tables([("self", body)], self.sql))


class Join(Step):
    """A join with another plan."""

    __slots__ = ("keys", "other")

    def __init__(self, input: Plan, other: Plan, keys: JoinKeys) -> None:
        super().__init__(input, f"join {keys.how}", self._apply)
        self.other = other
        self.keys = keys

    def _apply(self, compiler: Compiler, query: Query) -> Query:
        return join(compiler, query, compile_plan(self.other, compiler), self.keys)


def compile_plan(plan: Plan, compiler: Compiler) -> Query:
    """Return the query of a plan."""
    steps: list[Step] = []
    while isinstance(plan, Step):
        steps.append(plan)
        plan = plan.input
    query = plan.begin(compiler)
    for step in reversed(steps):
        query = step.function(compiler, query, *step.arguments)
    return query


def walk(plan: Plan) -> Iterator[Plan]:
    """Yield a plan and all plans that it reads from, but not those behind Python functions."""
    stack = [plan]
    while stack:
        plan = stack.pop()
        yield plan
        if isinstance(plan, Join):
            stack.append(plan.other)
        if isinstance(plan, Step):
            stack.append(plan.input)


def shown(plan: Plan) -> list[str]:
    """Return a line for each step, in the order in which they happen."""
    lines: list[str] = []
    while isinstance(plan, Step):
        lines.append(plan.what)
        plan = plan.input
    lines.append(plan.what)
    if isinstance(plan, Mapped):
        lines.extend(reversed(shown(plan.input)))
    return lines[::-1]
