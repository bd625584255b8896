"""Operators and methods of expressions that look at one row at a time."""

from __future__ import annotations

from tidegate._expr_base import (
    ExprBase,
    check_flag,
    check_int,
    check_number,
    is_text,
    node_of,
    sql_type,
)
from tidegate._expr_nodes import (
    ADD,
    AND,
    ATOM,
    COMPARE,
    MULTIPLY,
    NOT,
    OR,
    SIGN,
    Call,
    Case,
    Division,
    Infix,
    Literal,
    Node,
    Signed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import NoReturn

    from tidegate._expr import Expr

_KEEP = object()


class RowMethods(ExprBase):
    """What an expression can do to each row."""

    __slots__ = ()
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    # -- what Python would make a truth value or a loop of --

    def __bool__(self) -> NoReturn:
        """Refuse: an expression has no truth value before the query runs."""
        raise TypeError(
            "an expression has no truth value: use `&` for `and`, `|` for `or`, `~` for `not`, with brackets around "
            "each side, as in (a == 1) & (b > 2); and .is_in([..]) for `in`, .is_between(a, b) for `a <= x <= b`"
        )

    def __iter__(self) -> NoReturn:
        """Refuse: the rows are not here."""
        raise TypeError("an expression has no rows to loop over; loop over frame.select(..).iter_batches()")

    # -- comparisons --

    def _compare(self, operator: str, other: object) -> Expr:
        node = node_of(other, "the other side")
        if isinstance(node, Literal) and node.text == "NULL":
            raise TypeError(f"`{operator}` with None is never true; use .is_null() or .is_not_null()")
        return self._make(Infix(operator, COMPARE, self._node, node, kind="bool"))

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        """Compare for ``=``. NULL on either side gives NULL."""
        return self._compare("=", other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        """Compare for ``<>``. NULL on either side gives NULL, in pandas ``True``."""
        return self._compare("<>", other)

    def __lt__(self, other: object) -> Expr:
        """Compare for ``<``."""
        return self._compare("<", other)

    def __le__(self, other: object) -> Expr:
        """Compare for ``<=``."""
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Expr:
        """Compare for ``>``. Not-a-number is greater than every number."""
        return self._compare(">", other)

    def __ge__(self, other: object) -> Expr:
        """Compare for ``>=``."""
        return self._compare(">=", other)

    def eq_missing(self, other: object) -> Expr:
        """Compare for equality where NULL equals NULL.

        Parameters
        ----------
        other
            A value or an expression.

        Examples
        --------
        >>> print(tg.col("user").eq_missing(tg.col("ident")))
        "user" IS NOT DISTINCT FROM ident

        """
        node = node_of(other, "other")
        return self._make(Infix("IS NOT DISTINCT FROM", COMPARE, self._node, node, kind="bool"))

    def ne_missing(self, other: object) -> Expr:
        """Compare for inequality where NULL equals NULL, as ``!=`` of pandas does with ``None``.

        Parameters
        ----------
        other
            A value or an expression.

        Examples
        --------
        >>> print(tg.col("user").ne_missing("root"))
        "user" IS DISTINCT FROM 'root'

        """
        return self._make(Infix("IS DISTINCT FROM", COMPARE, self._node, node_of(other, "other"), kind="bool"))

    def is_between(self, lower: object, upper: object, *, closed: str = "both") -> Expr:
        """Compare with two bounds.

        Parameters
        ----------
        lower, upper
            Values or expressions.
        closed
            Which bounds belong to the range: ``"both"``, ``"left"``, ``"right"`` or ``"none"``.

        Examples
        --------
        >>> print(tg.col("status").is_between(500, 599))
        status BETWEEN 500 AND 599

        """
        low, high = node_of(lower, "lower"), node_of(upper, "upper")
        if closed == "both":
            form = "{0} BETWEEN {1} AND {2}"
            return self._make(Call(form, self._node, low, high, kind="bool", level=COMPARE, inner_level=ADD))
        operators = {"left": (">=", "<"), "right": (">", "<="), "none": (">", "<"), "neither": (">", "<")}
        if closed not in operators:
            raise ValueError(f"closed is {closed!r}; expected 'both', 'left', 'right' or 'none'")
        above, below = operators[closed]
        return self._compare(above, self._make(low)) & self._compare(below, self._make(high))

    def is_in(self, values: Iterable[object]) -> Expr:
        """Return whether the value is one of several. NULL gives NULL; ``None`` among the values is passed over.

        Parameters
        ----------
        values
            Values; a list, a set, an array. For the rows of another frame, ``.join(.., how="semi")``.

        Examples
        --------
        >>> print(tg.col("method").is_in(["GET", "HEAD"]))
        method IN ('GET', 'HEAD')

        """
        if isinstance(values, (str, bytes, ExprBase)) or not hasattr(values, "__iter__"):
            raise TypeError(f"values is of type {type(values).__name__}; expected a list of values")
        if type(values).__name__ in ("LazyFrame", "DataFrame"):
            raise TypeError('values is a frame; use .join(other, on=.., how="semi")')
        if isinstance(values, (set, frozenset)):
            # Sets of texts have another order in each process; the query's text should not.
            values = sorted(values, key=repr)  # pyright: ignore[reportUnknownArgumentType]
        nodes = [node_of(value, "values") for value in values]
        nodes = [node for node in nodes if not (isinstance(node, Literal) and node.text == "NULL")]
        if not nodes:
            form = Call("{0} IS NULL", self._node, level=COMPARE, inner_level=ADD)
            return self._make(Case([(form, Call("CAST(NULL AS BOOLEAN)", kind="bool"))], Literal(False)))
        listed = ", ".join(f"{{{at}}}" for at in range(1, len(nodes) + 1))
        return self._make(_In(f"{{0}} IN ({listed})", self._node, *nodes))

    def is_null(self) -> Expr:
        """Return whether there is no value."""
        return self._make(Call("{0} IS NULL", self._node, kind="bool", level=COMPARE, inner_level=ADD))

    def is_not_null(self) -> Expr:
        """Return whether there is a value."""
        return self._make(Call("{0} IS NOT NULL", self._node, kind="bool", level=COMPARE, inner_level=ADD))

    def is_nan(self) -> Expr:
        """Return whether a double is not-a-number, which is a value, and not NULL."""
        return self._make(Call("isnan({0})", self._node, kind="bool"))

    # -- logic --

    def __and__(self, other: object) -> Expr:
        """Combine two conditions: both."""
        return self._make(Infix("AND", AND, self._node, _condition(other), kind="bool"))

    def __rand__(self, other: object) -> Expr:
        """Combine two conditions: both."""
        return self._make(Infix("AND", AND, _condition(other), self._node, kind="bool"))

    def __or__(self, other: object) -> Expr:
        """Combine two conditions: at least one."""
        return self._make(Infix("OR", OR, self._node, _condition(other), kind="bool"))

    def __ror__(self, other: object) -> Expr:
        """Combine two conditions: at least one."""
        return self._make(Infix("OR", OR, _condition(other), self._node, kind="bool"))

    def __xor__(self, other: object) -> Expr:
        """Combine two conditions: one, and not the other."""
        return self._make(Infix("<>", COMPARE, self._node, _condition(other), kind="bool"))

    def __invert__(self) -> Expr:
        """Turn a condition around. NULL stays NULL, so ``~`` keeps no row that has no value."""
        return self._make(Call("NOT {0}", self._node, kind="bool", level=NOT, inner_level=COMPARE))

    # -- arithmetic --

    def __add__(self, other: object) -> Expr:
        """Add; join texts if one side is known to be one."""
        return self._make(_plus(self._node, node_of(other, "the right side of +")))

    def __radd__(self, other: object) -> Expr:
        """Add; join texts if one side is known to be one."""
        return self._make(_plus(node_of(other, "the left side of +"), self._node))

    def __sub__(self, other: object) -> Expr:
        """Subtract."""
        return self._make(difference(self._node, node_of(other, "the right side of -")))

    def __rsub__(self, other: object) -> Expr:
        """Subtract."""
        return self._make(difference(node_of(other, "the left side of -"), self._node))

    def __mul__(self, other: object) -> Expr:
        """Multiply. Whole numbers wrap around beyond 64 bits, as in NumPy."""
        return self._make(Infix("*", MULTIPLY, self._node, node_of(other, "the right side of *")))

    def __rmul__(self, other: object) -> Expr:
        """Multiply."""
        return self._make(Infix("*", MULTIPLY, node_of(other, "the left side of *"), self._node))

    def __truediv__(self, other: object) -> Expr:
        """Divide, as doubles. By zero gives an infinity or not-a-number."""
        return self._make(Division(self._node, node_of(other, "the right side of /")))

    def __rtruediv__(self, other: object) -> Expr:
        """Divide, as doubles."""
        return self._make(Division(node_of(other, "the left side of /"), self._node))

    def __floordiv__(self, other: object) -> Expr:
        """Divide and round down. By zero gives NULL."""
        return self._make(_floor_division(self._node, node_of(other, "the right side of //")))

    def __rfloordiv__(self, other: object) -> Expr:
        """Divide and round down. By zero gives NULL."""
        return self._make(_floor_division(node_of(other, "the left side of //"), self._node))

    def __mod__(self, other: object) -> Expr:
        """Return the rest of a division that rounds down: its sign is the right side's. By zero gives NULL."""
        return self._make(_modulo(self._node, node_of(other, "the right side of %")))

    def __rmod__(self, other: object) -> Expr:
        """Return the rest of a division that rounds down."""
        return self._make(_modulo(node_of(other, "the left side of %"), self._node))

    def __pow__(self, other: object) -> Expr:
        """Raise to a power, as doubles."""
        return self._make(_power(self._node, node_of(other, "the exponent")))

    def __rpow__(self, other: object) -> Expr:
        """Raise to a power, as doubles."""
        return self._make(_power(node_of(other, "the base"), self._node))

    def __neg__(self) -> Expr:
        """Change the sign."""
        return self._make(Call("-{0}", Signed(self._node), level=SIGN, inner_level=ATOM))

    def __pos__(self) -> Expr:
        """Return the expression itself."""
        return self._make(self._node)

    def __abs__(self) -> Expr:
        """Return the value without its sign."""
        return self.abs()

    def abs(self) -> Expr:
        """Return the value without its sign."""
        return self._make(Call("abs({0})", self._node))

    def sqrt(self) -> Expr:
        """Return the square root; of a negative number, not-a-number."""
        # The engine ends the query at a negative number.
        form = "CASE WHEN {0} < 0 THEN CAST('NaN' AS DOUBLE) ELSE sqrt({0}) END"
        return self._make(Call(form, self._node, inner_level=ADD))

    def exp(self) -> Expr:
        """Return e to the power of the value."""
        return self._make(Call("exp({0})", self._node))

    def log(self, base: float | None = None) -> Expr:
        """Return the logarithm, by default the natural one.

        Parameters
        ----------
        base
            What is raised; by default e.

        Examples
        --------
        >>> print(tg.col("bytes").log(10))
        ln(bytes) / ln(10.0)

        """
        if base is None:
            return self._make(Call("ln({0})", self._node))
        return self._make(Call("ln({0}) / ln({1})", self._node, Literal(check_number(base, "base")), level=MULTIPLY))

    def floor(self) -> Expr:
        """Round down."""
        return self._make(Call("floor({0})", self._node))

    def ceil(self) -> Expr:
        """Round up."""
        return self._make(Call("ceil({0})", self._node))

    def round(self, decimals: int = 0) -> Expr:
        """Round to a number of decimals, halves away from zero.

        Parameters
        ----------
        decimals
            How many.

        Examples
        --------
        >>> print(tg.col("request_time").round(2))
        round(request_time, 2)

        """
        places = check_int(decimals, "decimals")
        return self._make(Call("round({0}, {1})" if places else "round({0})", self._node, Literal(places)))

    def sign(self) -> Expr:
        """Return -1, 0 or 1."""
        return self._make(Call("signum({0})", self._node))

    def clip(self, lower: object = None, upper: object = None) -> Expr:
        """Bring values into a range. NULL stays NULL.

        Parameters
        ----------
        lower, upper
            The ends of the range, values or expressions; ``None`` is no end.

        Examples
        --------
        >>> print(tg.col("bytes").clip(0, 1000))
        CASE WHEN bytes < 0 THEN 0 WHEN bytes > 1000 THEN 1000 ELSE bytes END

        """
        bounds = [("<", lower, "lower"), (">", upper, "upper")]
        branches: list[tuple[Node, Node]] = []
        for operator, bound, argument in bounds:
            if bound is not None:
                node = node_of(bound, argument)
                branches.append((Infix(operator, COMPARE, self._node, node), node))
        return self._make(_named(Case(branches, self._node), self._node)) if branches else self._make(self._node)

    # -- other values --

    def fill_null(self, value: object) -> Expr:
        """Put a value, or that of another expression, where there is none.

        Parameters
        ----------
        value
            A value or an expression.

        Examples
        --------
        >>> print(tg.col("bytes").fill_null(0))
        coalesce(bytes, 0)

        """
        return self._make(Call("coalesce({0}, {1})", self._node, node_of(value, "value")))

    def fill_nan(self, value: object) -> Expr:
        """Put a value where a double is not-a-number; ``None`` makes it NULL.

        Parameters
        ----------
        value
            A value or an expression.

        Examples
        --------
        >>> print(tg.col("share").fill_nan(0))
        CASE WHEN isnan(share) THEN 0 ELSE share END

        """
        condition = Call("isnan({0})", self._node)
        return self._make(_named(Case([(condition, node_of(value, "value"))], self._node), self._node))

    def cast(self, dtype: object, *, strict: bool = True) -> Expr:
        """Change the type.

        Parameters
        ----------
        dtype
            ``int``, ``float``, ``str``, ``bool``, ``"int32"``, ``"datetime"``, ``"decimal(10, 2)"`` and the like;
            NumPy's, Polars' and PyArrow's types are known by their names.
        strict
            Whether a value that does not fit ends the query. If not, it becomes NULL.

        Examples
        --------
        >>> print(tg.col("status").cast(str))
        CAST(status AS VARCHAR)

        """
        name = sql_type(dtype)
        function = "CAST" if check_flag(strict, "strict") else "TRY_CAST"
        kind = {"VARCHAR": "text", "BOOLEAN": "bool"}.get(name, "")
        return self._make(Call(f"{function}({{0}} AS {name})", self._node, kind=kind))

    def replace(self, mapping: Mapping[object, object], *, default: object = _KEEP) -> Expr:
        """Put other values in the place of some.

        Parameters
        ----------
        mapping
            Old values to new ones.
        default
            What all others become. By default they stay.

        Examples
        --------
        >>> print(tg.col("method").replace({"HEAD": "GET"}))
        CASE WHEN method = 'HEAD' THEN 'GET' ELSE method END

        """
        if not hasattr(mapping, "items"):
            raise TypeError(f"mapping is of type {type(mapping).__name__}; expected a dict of old values to new ones")
        other = self._node if default is _KEEP else node_of(default, "default")
        branches: list[tuple[Node, Node]] = []
        for old, new in mapping.items():
            condition = self.is_null() if old is None else self._compare("=", old)
            branches.append((condition._node, node_of(new, "mapping")))
        return self._make(_named(Case(branches, other), self._node)) if branches else self._make(other)

    isna = is_null
    notna = is_not_null
    isin = is_in
    astype = cast
    fillna = fill_null


class _In(Call):
    """``x IN (..)``: the list has brackets of its own, so only the left side may need some."""

    __slots__ = ()

    def __init__(self, template: str, *arguments: Node) -> None:
        super().__init__(template, *arguments, kind="bool", level=COMPARE, inner_level=ADD)


def _condition(value: object) -> Node:
    if isinstance(value, (bool, ExprBase)) or type(value).__name__ in ("bool_", "bool"):
        return node_of(value, "the condition")
    kind = type(value).__name__
    raise TypeError(
        f"`&` and `|` combine conditions, and one side is of type {kind}; comparisons need brackets: "
        "(a == 1) & (b == 2)"
    )


def _named(node: Node, original: Node) -> Node:
    from tidegate._expr_nodes import Alias

    return Alias(node, original.name)


def _plus(left: Node, right: Node) -> Node:
    if is_text(left) or is_text(right):
        return Call("{0} || {1}", left, right, kind="text", level=COMPARE, inner_level=ATOM)
    return Infix("+", ADD, left, right)


def difference(left: Node, right: Node) -> Node:
    """Return the node of ``left - right``."""
    if isinstance(left, Literal) or isinstance(right, Literal):
        return Infix("-", ADD, left, right)
    return Infix("-", ADD, Signed(left), Signed(right))


def _power(base: Node, exponent: Node) -> Node:
    return Call("power(CAST({0} AS DOUBLE), CAST({1} AS DOUBLE))", base, exponent)


def _is_small_positive(node: Node) -> bool:
    return isinstance(node, Literal) and type(node.value) is int and 0 < node.value < 2**31


def _modulo(left: Node, right: Node) -> Node:
    """SQL's rest has the sign of the left side, Python's that of the right one."""
    if _is_small_positive(right):
        form = "({0} % {1} + {1}) % {1}"
        return Call(form, left, right, level=MULTIPLY, inner_level=SIGN)
    # Without a sum that could be too large for narrow types.
    form = (
        "CASE WHEN {0} % nullif({1}, 0) <> 0 AND ({0} < 0) <> ({1} < 0) THEN {0} % {1} + {1} "
        "ELSE {0} % nullif({1}, 0) END"
    )
    return Call(form, left, right, inner_level=SIGN)


def _floor_division(left: Node, right: Node) -> Node:
    """SQL's division of whole numbers rounds to zero, Python's down; of doubles, SQL's does not round."""
    rest = _modulo(left, right)
    divisor = right if _is_small_positive(right) else Call("nullif({0}, 0)", right)
    return Call("({0} - {1}) / {2}", left, rest, divisor, level=MULTIPLY, inner_level=MULTIPLY)
