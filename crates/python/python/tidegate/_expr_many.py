"""Methods of expressions that look at many rows: aggregates, windows, ``.over(..)``."""

from __future__ import annotations

from tidegate._expr_aggregates import Aggregate, Over, Ranked, SortKey
from tidegate._expr_base import (
    ExprBase,
    check_flag,
    check_int,
    check_number,
    column_nodes,
    listed,
    node_of,
    sort_keys,
)
from tidegate._expr_nodes import ADD, RUNNING_WINDOW, Alias, Call, Infix, Literal, Node, Only, Signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tidegate._expr import Expr
    from tidegate._expr_base import Flags, Names


class ManyMethods(ExprBase):
    """What an expression can do with many rows."""

    __slots__ = ()

    # -- aggregates --

    def sum(self, *, min_count: int = 0) -> Expr:
        """Add up. Of doubles, the exact sum, rounded once; of truth values, how many are true.

        Parameters
        ----------
        min_count
            0: the sum of no values is 0, as in pandas and Polars. 1: it is NULL, as in SQL; times need this.

        Examples
        --------
        >>> print(tg.col("bytes").sum(min_count=1), "|", (tg.col("status") >= 500).sum(min_count=1))
        sum(bytes) | sum(CAST(status >= 500 AS BIGINT))

        """
        least = check_int(min_count, "min_count", least=0)
        if least > 1:
            raise ValueError(f"min_count is {least}; expected 0 or 1")
        wrap = "{0}" if least else "coalesce({0}, 0)"
        return self._make(Aggregate("sum({0})", self._node, wrap=wrap, truth=True))

    def mean(self) -> Expr:
        """Return the mean, as a double; of truth values, the share that is true."""
        return self._make(Aggregate("avg({0})", self._node, truth=True))

    def min(self) -> Expr:
        """Return the least value."""
        return self._make(Aggregate("min({0})", self._node))

    def max(self) -> Expr:
        """Return the greatest value. Not-a-number is greater than every number."""
        return self._make(Aggregate("max({0})", self._node))

    def count(self) -> Expr:
        """Return how many values there are, without NULL."""
        return self._make(Aggregate("count({0})", self._node))

    def len(self) -> Expr:
        """Return how many rows there are, with NULL."""
        node = Aggregate("count(*)", None)
        if isinstance(self._node, Only):
            node = Aggregate("count(*)", Only(Literal(1), self._node.condition))
        return self._make(Alias(node, self._node.name))

    def null_count(self) -> Expr:
        """Return how many rows have no value."""
        only = Only(Literal(1), Call("{0} IS NULL", self._node, level=4, inner_level=ADD))
        return self._make(Alias(Aggregate("count(*)", only), self._node.name))

    def n_unique(self) -> Expr:
        """Return how many different values there are. NULL is none, as in pandas; Polars counts it as one."""
        return self._make(Aggregate("count(DISTINCT {0})", self._node))

    def approx_n_unique(self) -> Expr:
        """Return about how many different values there are, within about 2 %, in bounded memory for each group.

        Of texts, whole numbers and times; cast a float to a text before.
        """
        return self._make(Aggregate("approx_distinct({0})", self._node))

    def median(self) -> Expr:
        """Return the value in the middle, or the mean of the two there, as a double."""
        return self.quantile(0.5)

    def quantile(self, quantile: float, *, interpolation: str = "linear") -> Expr:
        """Return the value below which a share of all values lies, as a double.

        Parameters
        ----------
        quantile
            The share, from 0 to 1.
        interpolation
            ``"linear"``: between two values, on the line from one to the other, as in pandas. There is no other.

        Examples
        --------
        >>> print(tg.col("bytes").quantile(0.99))
        percentile_cont(CAST(bytes AS DOUBLE), 0.99)

        """
        if interpolation != "linear":
            raise ValueError(f"interpolation is {interpolation!r}; only 'linear' is computed here")
        return self._make(Aggregate(f"percentile_cont(CAST({{0}} AS DOUBLE), {_share(quantile)!r})", self._node))

    def approx_quantile(self, quantile: float) -> Expr:
        """Return about the value below which a share lies: within 0.4 %, in bounded memory for each group.

        Parameters
        ----------
        quantile
            The share, from 0 to 1.

        Examples
        --------
        >>> print(tg.col("request_time").approx_quantile(0.95))
        approx_percentile_cont(request_time, 0.95)

        """
        return self._make(Aggregate(f"approx_percentile_cont({{0}}, {_share(quantile)!r})", self._node))

    def std(self, ddof: int = 1) -> Expr:
        """Return the standard deviation.

        Parameters
        ----------
        ddof
            1: of a sample, as in pandas and Polars. 0: of the whole, as in NumPy.

        """
        return self._spread("stddev", ddof)

    def var(self, ddof: int = 1) -> Expr:
        """Return the variance; ``ddof`` as in :meth:`std`.

        Parameters
        ----------
        ddof
            1: of a sample, as in pandas and Polars. 0: of the whole, as in NumPy.

        """
        return self._spread("var", ddof)

    def _spread(self, function: str, ddof: object) -> Expr:
        suffix = {0: "pop", 1: "samp"}.get(check_int(ddof, "ddof"))
        if suffix is None:
            raise ValueError(f"ddof is {ddof}; expected 0 or 1")
        return self._make(Aggregate(f"{function}_{suffix}({{0}})", self._node, truth=True))

    def first(self, *, order_by: Names = (), descending: Flags = False) -> Expr:
        """Return the first value, NULL if it is none.

        Parameters
        ----------
        order_by
            What the rows are ordered by. Without it, any row's value: queries read files in parts, in any order.
        descending
            Whether the greatest comes first.

        Examples
        --------
        >>> print(tg.col("path").first(order_by="ts"))
        first_value(path ORDER BY ts)

        """
        return self._edge("first_value", order_by, descending)

    def last(self, *, order_by: Names = (), descending: Flags = False) -> Expr:
        """Return the last value; as :meth:`first`.

        Parameters
        ----------
        order_by
            What the rows are ordered by. Without it, any row's value.
        descending
            Whether the greatest comes first.

        Examples
        --------
        >>> print(tg.col("path").last(order_by="ts"))
        last_value(path ORDER BY ts)

        """
        return self._edge("last_value", order_by, descending)

    def _edge(self, function: str, order_by: Names, descending: Flags) -> Expr:
        keys = sort_keys(listed(order_by), descending=descending, argument="order_by")
        return self._make(Aggregate(f"{function}({{0}}{{order}})", self._node, order=keys))

    def any(self) -> Expr:
        """Return whether a condition holds in one row at least; NULL is passed over, and of no rows it is false."""
        return self._make(Aggregate("bool_or({0})", self._node, wrap="coalesce({0}, false)"))

    def all(self) -> Expr:
        """Return whether a condition holds in all rows; NULL is passed over, and of no rows it is true."""
        return self._make(Aggregate("bool_and({0})", self._node, wrap="coalesce({0}, true)"))

    def implode(self, *, order_by: Names = ()) -> Expr:
        """Return all values as one list, which is held in memory.

        Parameters
        ----------
        order_by
            What the values are ordered by.

        Examples
        --------
        >>> print(tg.col("path").implode(order_by="ts"))
        array_agg(path ORDER BY ts)

        """
        keys = sort_keys(listed(order_by), argument="order_by")
        return self._make(Aggregate("array_agg({0}{order})", self._node, order=keys))

    def filter(self, condition: Expr) -> Expr:
        """Keep the rows that an aggregate looks at.

        Parameters
        ----------
        condition
            Which rows.

        Examples
        --------
        >>> print(tg.col("bytes").filter(tg.col("status") == 200).mean())
        avg(bytes) FILTER (WHERE status = 200)

        """
        return self._make(Only(self._node, node_of(condition, "condition")))

    # -- windows --

    def over(self, *partition_by: Names, order_by: Names = (), descending: Flags = False) -> Expr:
        """Compute aggregates over the rows of the same keys, and give each row the value.

        Parameters
        ----------
        partition_by
            Columns or expressions; none for all rows.
        order_by
            The order of the rows, which ``.shift()``, ``.cum_sum()`` and the like need.
        descending
            Whether the greatest comes first.

        Examples
        --------
        >>> print(tg.col("bytes") - tg.col("bytes").mean().over("path"))
        bytes - avg(bytes) OVER (PARTITION BY path)
        >>> print(tg.col("ts").diff().over("client", order_by="ts"))
        ts - lag(ts, 1) OVER (PARTITION BY client ORDER BY ts)

        """
        keys = column_nodes(partition_by, "partition_by")
        return self._make(
            Over(self._node, keys, sort_keys(listed(order_by), descending=descending, argument="order_by"))
        )

    def shift(self, n: int = 1, *, fill_value: object = None) -> Expr:
        """Return the value ``n`` rows before; of a negative ``n``, after. Ends with ``.over(order_by=..)``.

        Parameters
        ----------
        n
            How many rows.
        fill_value
            What stands where there is no such row; by default NULL.

        Examples
        --------
        >>> print(tg.col("bytes").shift(1).over(order_by="ts"))
        lag(bytes, 1) OVER (ORDER BY ts)

        """
        rows = check_int(n, "n")
        function = "lag" if rows >= 0 else "lead"
        filled = fill_value is not None
        parts = [self._node, Literal(abs(rows)), *([node_of(fill_value, "fill_value")] if filled else [])]
        form = f"{function}({{0}}, {{1}}{', {2}' if filled else ''}){{over}}"
        return self._make(Alias(Ranked(form, *parts, what=".shift()"), self._node.name))

    def diff(self, n: int = 1) -> Expr:
        """Return the difference to the value ``n`` rows before. Ends with ``.over(order_by=..)``.

        Parameters
        ----------
        n
            How many rows.

        Examples
        --------
        >>> print(tg.col("bytes").diff().over(order_by="ts"))
        bytes - lag(bytes, 1) OVER (ORDER BY ts)

        """
        before = Ranked("lag({0}, {1}){over}", Signed(self._node), Literal(check_int(n, "n", least=1)), what=".diff()")
        return self._make(Infix("-", ADD, Signed(self._node), before))

    def cum_sum(self) -> Expr:
        """Return the sum up to each row, NULL where the row has no value. Ends with ``.over(order_by=..)``."""
        return self._running("sum", ".cum_sum()")

    def cum_count(self) -> Expr:
        """Return how many values there are up to each row. Ends with ``.over(order_by=..)``."""
        return self._make(Ranked("count({0}){over}", self._node, what=".cum_count()", frame=RUNNING_WINDOW))

    def cum_min(self) -> Expr:
        """Return the least value up to each row, NULL where the row has none. Ends with ``.over(order_by=..)``."""
        return self._running("min", ".cum_min()")

    def cum_max(self) -> Expr:
        """Return the greatest value up to each row, NULL where the row has none. Ends with ``.over(order_by=..)``."""
        return self._running("max", ".cum_max()")

    def _running(self, function: str, what: str) -> Expr:
        form = f"CASE WHEN {{0}} IS NOT NULL THEN {function}({{0}}){{over}} END"
        return self._make(Ranked(form, self._node, what=what, frame=RUNNING_WINDOW))

    def rolling_mean(self, window_size: int, *, min_samples: int | None = None) -> Expr:
        """Return the mean of the last ``window_size`` rows. Ends with ``.over(order_by=..)``.

        Parameters
        ----------
        window_size
            Rows, with the row itself.
        min_samples
            How many values there must be, else NULL; by default ``window_size``, as in pandas and Polars.

        """
        return self._rolling("avg", ".rolling_mean()", window_size, min_samples)

    def rolling_sum(self, window_size: int, *, min_samples: int | None = None) -> Expr:
        """Return the sum of the last ``window_size`` rows; as :meth:`rolling_mean`.

        Parameters
        ----------
        window_size
            Rows, with the row itself.
        min_samples
            How many values there must be, else NULL; by default ``window_size``.

        """
        return self._rolling("sum", ".rolling_sum()", window_size, min_samples)

    def rolling_min(self, window_size: int, *, min_samples: int | None = None) -> Expr:
        """Return the least of the last ``window_size`` rows; as :meth:`rolling_mean`.

        Parameters
        ----------
        window_size
            Rows, with the row itself.
        min_samples
            How many values there must be, else NULL; by default ``window_size``.

        """
        return self._rolling("min", ".rolling_min()", window_size, min_samples)

    def rolling_max(self, window_size: int, *, min_samples: int | None = None) -> Expr:
        """Return the greatest of the last ``window_size`` rows; as :meth:`rolling_mean`.

        Parameters
        ----------
        window_size
            Rows, with the row itself.
        min_samples
            How many values there must be, else NULL; by default ``window_size``.

        """
        return self._rolling("max", ".rolling_max()", window_size, min_samples)

    def _rolling(self, function: str, what: str, window_size: object, min_samples: object) -> Expr:
        rows = check_int(window_size, "window_size", least=1)
        least = rows if min_samples is None else check_int(min_samples, "min_samples", least=1)
        form = f"CASE WHEN count({{0}}){{over}} >= {least} THEN {function}({{0}}){{over}} END"
        frame = f"ROWS BETWEEN {rows - 1} PRECEDING AND CURRENT ROW"
        return self._make(Ranked(form, self._node, what=what, frame=frame))

    def rank(self, method: str = "min", *, descending: bool = False) -> Expr:
        """Return the place of each value among all, from 1; of NULL, NULL.

        Parameters
        ----------
        method
            What equal values get: ``"min"``, the first of their places; ``"dense"``, the same, and the next value the
            next number; ``"ordinal"``, one each, in any order.
        descending
            Whether the greatest is the first.

        Examples
        --------
        >>> print(tg.col("n").rank("dense").over("day"))
        CASE WHEN n IS NOT NULL THEN dense_rank() OVER (PARTITION BY day ORDER BY n) END

        """
        functions = {"min": "rank", "dense": "dense_rank", "ordinal": "row_number"}
        if method not in functions:
            raise ValueError(f"method is {method!r}; expected 'min', 'dense' or 'ordinal'")
        form = f"CASE WHEN {{0}} IS NOT NULL THEN {functions[method]}(){{over}} END"
        key = SortKey(self._node, descending=check_flag(descending, "descending"))
        return self._make(Ranked(form, self._node, what=".rank()", order=[key]))

    nunique = n_unique


def _share(quantile: object) -> float:
    share = check_number(quantile, "quantile")
    if not 0 <= share <= 1:
        raise ValueError(f"quantile is {share}; expected a share from 0 to 1")
    return share


def row_number() -> Node:
    """Return the node of the number of a row, from 1."""
    return Alias(Ranked("row_number(){over}", what="row_number()"), "row_number")
