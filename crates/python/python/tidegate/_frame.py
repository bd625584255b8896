"""Frames: queries that are built step by step. Nothing is read until rows are asked for."""

from __future__ import annotations

from tidegate._errors import TidegateError
from tidegate._expr import Expr, sql_of
from tidegate._expr_base import (
    check_flag,
    check_int,
    check_number,
    check_text,
    column_nodes,
    listed,
    node_of,
    sort_keys,
    unwrap,
)
from tidegate._expr_nodes import AND, Alias, Column, Infix, Node, Star
from tidegate._frame_compile import keep_rows, limit, sample, select, sort, tail, unique, with_columns
from tidegate._frame_describe import describe_sql
from tidegate._frame_join import JOINS, JoinKeys
from tidegate._frame_plan import Join, Plan, SqlStep, Step
from tidegate._frame_results import Results
from tidegate._groupby import GroupBy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Callable, NoReturn, Optional, Union

    from tidegate._expr_base import Flags, Names


class LazyFrame(Results):
    """A query that is built step by step.

    Made by :func:`tidegate.scan`, :func:`tidegate.sql` and :func:`tidegate.table`.

    Every step returns a new frame, and none reads more than what names and types of columns need. ``.sql_text`` is the
    query.

    Examples
    --------
    >>> slow = tg.scan("access.log").filter(tg.col("request_time") > 1).select("ts", "path").sort("ts")
    >>> slow
    <tidegate frame: not run
      scan 'access.log'
      filter request_time > 1
      select ts, path
      sort ts
    >
    """

    __slots__ = ()

    def _step(self, what: str, function: Callable[..., Any], *arguments: object) -> LazyFrame:
        """Return the frame after one more step."""
        return LazyFrame(Step(self._plan, what, function, *arguments), self._settings)

    def _with(self, plan: Plan) -> LazyFrame:
        return LazyFrame(plan, self._settings)

    # -- columns --

    def select(self, *exprs: Names, **named: object) -> LazyFrame:
        """Keep and compute columns. Of aggregates alone, the result is one row.

        Parameters
        ----------
        exprs
            Names, expressions, or lists of them.
        named
            Expressions, or names of columns, by the names of the results.

        Examples
        --------
        >>> print(tg.scan("access.log").select("path", kb=tg.col("bytes") / 1000).sql_text)
        SELECT path, CAST(bytes AS DOUBLE) / 1000.0 AS kb
        FROM 'access.log'

        """
        nodes = self._nodes(exprs, named)
        if not nodes:
            raise TypeError("select needs at least one column")
        return self._step("select " + _names(nodes), select, nodes)

    def with_columns(self, *exprs: Names, **named: object) -> LazyFrame:
        """Add columns, or compute them anew in their places.

        All are computed of the frame before: one of them does not see another. Aggregates are those of all rows; with
        ``.over(..)``, of the rows with the same keys.

        Parameters
        ----------
        exprs
            Expressions, named by ``.alias(..)`` or by their first columns.
        named
            Expressions by the names of the results.

        """
        nodes = self._nodes(exprs, named)
        return self._step("with_columns " + _names(nodes), with_columns, nodes) if nodes else self

    def assign(self, **named: object) -> LazyFrame:
        """Add columns, as pandas does: a function gets the frame and returns an expression.

        Parameters
        ----------
        named
            Columns by their names: expressions, values, or functions of the frame that return one.

        Examples
        --------
        >>> print(tg.scan("a.csv").select("path", "bytes").assign(kb=lambda frame: frame.bytes / 1000).sql_text)
        SELECT path, bytes, CAST(bytes AS DOUBLE) / 1000.0 AS kb
        FROM 'a.csv'

        """
        for name, value in named.items():
            if callable(value) and not isinstance(value, Expr):
                named[name] = value(self)
        return self.with_columns(**named)

    def rename(
        self, mapping: Optional[Mapping[str, str]] = None, *, columns: Optional[Mapping[str, str]] = None
    ) -> LazyFrame:
        """Give columns other names.

        Parameters
        ----------
        mapping
            Old names to new ones.
        columns
            The same, as pandas calls it.

        """
        chosen = mapping if mapping is not None else columns
        if not hasattr(chosen, "items") or chosen is None:
            raise TypeError(f"mapping is of type {type(chosen).__name__}; expected a dict of old names to new ones")
        pairs = {check_text(old, "mapping"): check_text(new, "mapping") for old, new in chosen.items()}
        return self._step("rename " + ", ".join(pairs), _rename, pairs)

    def drop(self, *columns: Union[str, Sequence[str]]) -> LazyFrame:
        """Leave columns out.

        Parameters
        ----------
        columns
            Their names.

        """
        names = _texts(columns, "columns")
        return self._step("drop " + ", ".join(names), select, [Star(names)]) if names else self

    # -- rows --

    def filter(self, *conditions: Union[Expr, Sequence[Expr]], **equal: object) -> LazyFrame:
        """Keep the rows for which all conditions hold. A row for which one is NULL goes.

        Parameters
        ----------
        conditions
            Expressions.
        equal
            Values that columns must have.

        Examples
        --------
        >>> print(tg.scan("access.log").filter(tg.col("status") >= 500, method="GET").sql_text)
        SELECT *
        FROM 'access.log'
        WHERE status >= 500
          AND method = 'GET'

        """
        frame = self
        nodes: list[Node] = []
        for value in conditions:
            for item in listed(value):
                if not isinstance(item, Expr):
                    kind = type(item).__name__
                    raise TypeError(f"conditions has a {kind}; expected an expression, such as tg.col('a') == 1")
                nodes.append(unwrap(item))
        nodes.extend(unwrap(Expr(Column(name)) == value) for name, value in equal.items())
        for node in nodes:
            for part in _conjuncts(node):
                frame = frame._step(f"filter {sql_of(part)}", keep_rows, part)
        return frame

    where = filter

    def drop_nulls(self, subset: Union[str, Sequence[str], None] = None) -> LazyFrame:
        """Keep the rows that have a value in each of some columns, by default in all.

        Parameters
        ----------
        subset
            The names of the columns that have to have one; by default all.

        Examples
        --------
        >>> print(tg.scan("a.csv").drop_nulls("user").sql_text)
        SELECT *
        FROM 'a.csv'
        WHERE "user" IS NOT NULL

        """
        names = self.columns if subset is None else _texts([subset], "subset")
        return self.filter([Expr(Column(name)).is_not_null() for name in names])

    def sort(
        self, by: Names, *more_by: Union[str, Expr], descending: Flags = False, nulls_last: Flags = True
    ) -> LazyFrame:
        """Order the rows. Equal ones come in any order.

        Parameters
        ----------
        by, more_by
            Columns or expressions.
        descending
            Whether the greatest comes first; one for all, or one each.
        nulls_last
            Whether NULL comes at the end, as in pandas; Polars has it first.

        Examples
        --------
        >>> print(tg.scan("access.log").sort("status", "ts", descending=[True, False]).sql_text)
        SELECT *
        FROM 'access.log'
        ORDER BY status DESC NULLS LAST, ts

        """
        keys = sort_keys([by, *more_by], descending=descending, nulls_last=nulls_last)
        if not keys:
            raise TypeError("sort needs at least one column")
        return self._step("sort " + _names([key.part for key in keys]), sort, keys)

    def sort_values(self, by: Names, *, ascending: Flags = True, na_position: str = "last") -> LazyFrame:
        """Order the rows, as pandas calls it.

        Parameters
        ----------
        by
            Columns or expressions, the first counts first.
        ascending
            Whether the least comes first: of all, or of each.
        na_position
            Where rows without a value stand: ``"last"`` or ``"first"``.

        """
        if na_position not in ("first", "last"):
            raise ValueError(f"na_position is {na_position!r}; expected 'first' or 'last'")
        if not isinstance(ascending, (bool, list, tuple)):
            raise TypeError(f"ascending is of type {type(ascending).__name__}; expected True, False or a list of them")
        down = not ascending if isinstance(ascending, bool) else [not flag for flag in ascending]
        return self.sort(by, descending=down, nulls_last=na_position == "last")

    def head(self, n: int = 5) -> LazyFrame:
        """Keep the first rows; of a frame that is not sorted, any.

        Parameters
        ----------
        n
            How many rows.

        Examples
        --------
        >>> print(tg.scan("a.csv").sort("ts").head(3).sql_text)
        SELECT *
        FROM 'a.csv'
        ORDER BY ts
        LIMIT 3

        """
        return self.slice(0, check_int(n, "n", least=0))

    def limit(self, n: int = 5) -> LazyFrame:
        """Keep at most ``n`` rows; the same as :meth:`head`.

        Parameters
        ----------
        n
            How many rows.

        """
        return self.head(n)

    def tail(self, n: int = 5) -> LazyFrame:
        """Keep the last rows, in their order. The frame must be sorted.

        Parameters
        ----------
        n
            How many rows.

        """
        return self._step(f"tail {n}", tail, check_int(n, "n", least=0))

    def slice(self, offset: int, length: Optional[int] = None) -> LazyFrame:
        """Keep rows by their places, from 0.

        Parameters
        ----------
        offset
            The first row.
        length
            How many; by default all that follow.

        """
        start = check_int(offset, "offset", least=0)
        count = None if length is None else check_int(length, "length", least=0)
        return self._step(
            f"rows from {start}" if count is None else f"rows {start} to {start + count}", limit, start, count
        )

    def sample(
        self, n: Optional[int] = None, *, fraction: Optional[float] = None, seed: Optional[int] = None
    ) -> LazyFrame:
        """Keep rows by chance.

        Parameters
        ----------
        n
            How many rows.
        fraction
            In place of ``n``, about which share of them, from 0 to 1.
        seed
            A number that makes the choice the same each time, for rows that come straight from files.

        """
        if (n is None) == (fraction is None):
            raise TypeError("sample needs either n or fraction")
        rows = None if n is None else check_int(n, "n", least=0)
        share = None if fraction is None else check_number(fraction, "fraction")
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"fraction is {share}; expected a share from 0 to 1")
        chosen = None if seed is None else check_int(seed, "seed")
        return self._step("sample", _sample, rows, share, chosen)

    def unique(self, subset: Union[str, Sequence[str], None] = None, *, keep: str = "any") -> LazyFrame:
        """Keep one of the rows that are the same.

        NULL equals NULL. The order of rows is lost, but with ``"first"`` and ``"last"``.

        Parameters
        ----------
        subset
            The columns that are compared, by default all.
        keep
            Which one stays: ``"any"``; ``"first"`` or ``"last"`` of a sorted frame; ``"none"``, only rows that are
            there once.

        """
        if keep not in ("any", "first", "last", "none"):
            raise ValueError(f"keep is {keep!r}; expected 'any', 'first', 'last' or 'none'")
        names = [] if subset is None else _texts([subset], "subset")
        return self._step("unique " + ", ".join(names), unique, names, keep)

    drop_duplicates = unique

    # -- groups and other frames --

    def group_by(self, *by: Names, **named: object) -> GroupBy:
        """Make groups of rows with the same keys; ``.agg(..)`` says what is computed of them.

        Parameters
        ----------
        by
            Names or expressions.
        named
            Expressions by the names that the keys get.

        Examples
        --------
        >>> minute = tg.col("ts").dt.truncate("1m")
        >>> print(tg.scan("access.log").group_by(minute=minute).agg(errors=(tg.col("status") >= 500).sum()).sql_text)
        SELECT date_trunc('minute', ts) AS minute, coalesce(sum(CAST(status >= 500 AS BIGINT)), 0) AS errors
        FROM 'access.log'
        GROUP BY date_trunc('minute', ts)

        """
        nodes = self._nodes(by, named)
        if not nodes:
            raise TypeError("group_by needs at least one column; for aggregates of all rows, use .select(..)")
        return GroupBy(self._step, nodes)

    groupby = group_by

    def join(
        self,
        other: LazyFrame,
        on: Optional[Names] = None,
        *,
        left_on: Optional[Names] = None,
        right_on: Optional[Names] = None,
        how: str = "inner",
        suffix: str = "_right",
        nulls_equal: bool = False,
    ) -> LazyFrame:
        """Combine rows of two frames.

        Parameters
        ----------
        other
            The right side.
        on
            Columns that both sides have, and that are equal.
        left_on, right_on
            In place of ``on``, columns or expressions of each side.
        how
            ``"inner"``, ``"left"``, ``"right"``, ``"full"``, ``"semi"`` (rows that have a partner), ``"anti"`` (rows
            that have none) or ``"cross"``.
        suffix
            What goes behind the name of a column of the right side that the left side has, too.
        nulls_equal
            Whether NULL is equal to NULL, as in pandas.

        """
        if not isinstance(other, LazyFrame):  # pyright: ignore[reportUnnecessaryIsInstance]
            kind = type(other).__name__
            raise TypeError(
                f"other is of type {kind}; expected a frame: tg.register('name', table) makes one of a table"
            )
        if check_text(how, "how") not in JOINS:
            raise ValueError(f"how is {how!r}; known are {', '.join(JOINS)}")
        left, right = _join_sides(on, left_on, right_on, how=how)
        keys = JoinKeys(
            left,
            right,
            how=how,
            suffix=check_text(suffix, "suffix"),
            nulls_equal=check_flag(nulls_equal, "nulls_equal"),
        )
        return self._with(Join(self._plan, other._plan, keys))

    def sql(self, query: str) -> LazyFrame:
        """Ask in SQL; the frame is the table ``self``.

        Parameters
        ----------
        query
            One SELECT, with or without WITH. Paths and registered tables can stand beside ``self``.

        Examples
        --------
        >>> errors = tg.scan("access.log").filter(tg.col("status") >= 500)
        >>> print(errors.sql("SELECT path, count(*) AS n FROM self GROUP BY path").sql_text)
        WITH self AS (
          SELECT *
          FROM 'access.log'
          WHERE status >= 500
        )
        SELECT path, count(*) AS n FROM self GROUP BY path

        """
        return self._with(SqlStep(self._plan, check_text(query, "query")))

    def describe(self) -> LazyFrame:
        """Return a row of figures for each column: values, nulls, different ones; of numbers, mean and spread.

        It is a frame: ``.to_pandas()`` runs it, in one pass and little memory. Quartiles are within 0.4 %, and how many
        different values there are is about right.
        """
        return self.sql(describe_sql(self.schema))

    def pipe(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Return what a function makes of the frame.

        Parameters
        ----------
        function
            Takes the frame, and what else is given.
        arguments, named
            What else is given.

        """
        if not callable(function):
            raise TypeError(f"function is of type {type(function).__name__}; expected a function of a frame")
        return function(self, *arguments, **named)

    # -- Python's own forms --

    def __getitem__(self, key: Union[str, Expr, Sequence[str]]) -> Any:
        """Return a column for a name, a frame for a list of names or a condition."""
        if isinstance(key, str):
            known = self._plan_columns()
            if known is not None and key not in known:
                raise self._unknown(key, known)
            return Expr(Column(key))
        if isinstance(key, Expr):
            return self.filter(key)
        if isinstance(key, (list, tuple)):
            return self.select(list(key))
        kind = type(key).__name__
        raise TypeError(
            f"the key is of type {kind}; expected a name, a list of names or a condition; rows are .slice(..)"
        )

    def __setitem__(self, key: str, value: object) -> NoReturn:
        """Refuse: a frame never changes."""
        raise TypeError(f"a frame never changes; use frame = frame.with_columns({key}=..)")

    def __getattr__(self, name: str) -> Expr:
        """Return a column by its name, if there is one; say what to do in place of a method that pandas has."""
        if name.startswith("_"):
            raise AttributeError(name)
        if hasattr(type(self), name):
            # A property that failed by an `AttributeError` of its own, which is raised once more.
            return object.__getattribute__(self, name)
        from tidegate._frame_hints import HINTS

        if name in HINTS:
            raise AttributeError(f"a frame has no attribute {name!r}; here it is {HINTS[name]}")
        try:
            columns = self.columns
        except (TidegateError, OSError):
            # Whoever asks whether there is such an attribute is not to get an error of files.
            columns = []
        if name in columns:
            return Expr(Column(name))
        from difflib import get_close_matches

        near = get_close_matches(name, [*columns, *(entry for entry in dir(type(self)) if entry[0] != "_")], n=3)
        help = f"; did you mean {' or '.join(near)}?" if near else ""
        raise AttributeError(f"a frame has no attribute and no column {name!r}{help}")

    def __bool__(self) -> NoReturn:
        """Refuse: whether there are rows is not known before the query runs."""
        raise TypeError("a frame has no truth value; ask for .count() > 0")

    def __iter__(self) -> NoReturn:
        """Refuse: the rows are not here."""
        raise TypeError("a frame has no rows to loop over; use .iter_batches(), or .columns for its names")

    def __len__(self) -> NoReturn:
        """Refuse: Python asks for a length at times when nobody wants the query to run."""
        raise TypeError("a frame has no length before it runs; use .count()")

    def _nodes(self, exprs: Sequence[object], named: Mapping[str, object]) -> list[Node]:
        nodes = column_nodes(exprs, "exprs")
        for name, value in named.items():
            node = Column(value) if isinstance(value, str) else node_of(value, name)
            nodes.append(Alias(node, name))
        return nodes


def _names(nodes: Sequence[Node]) -> str:
    return ", ".join(node.name for node in nodes)


def _texts(values: Sequence[object], argument: str) -> list[str]:
    return [check_text(item, argument) for value in values for item in listed(value)]


def _conjuncts(node: Node) -> list[Node]:
    """Take conditions that all must hold apart, so that each can go where it fits."""
    parts: list[Node] = []
    while isinstance(node, Infix) and node.level == AND:
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _join_sides(
    on: Optional[Names], left_on: Optional[Names], right_on: Optional[Names], *, how: str
) -> tuple[list[Node], list[Node]]:
    if how == "cross":
        if on is not None or left_on is not None or right_on is not None:
            raise TypeError("a cross join has no keys")
        return [], []
    if on is not None:
        if left_on is not None or right_on is not None:
            raise TypeError("on stands in place of left_on and right_on; give one or the other")
        keys = column_nodes([on], "on")
        if not keys:
            raise ValueError("on names no column")
        return keys, list(keys)
    if left_on is None or right_on is None:
        raise TypeError("join needs on, or both left_on and right_on")
    left, right = column_nodes([left_on], "left_on"), column_nodes([right_on], "right_on")
    if len(left) != len(right) or not left:
        raise ValueError(f"left_on has {len(left)} keys and right_on {len(right)}; expected as many, and at least one")
    return left, right


def _rename(compiler: Any, query: Any, pairs: Mapping[str, str]) -> Any:
    from tidegate._frame_compile import choose, unknown_column

    names = query.names()
    for old in pairs:
        if old not in names:
            raise unknown_column(old, names)
    return choose(compiler, query, [(name, pairs.get(name, name)) for name in names])


def _sample(compiler: Any, query: Any, n: Optional[int], fraction: Optional[float], seed: Optional[int]) -> Any:
    return sample(compiler, query, fraction=fraction, n=n, seed=seed)
