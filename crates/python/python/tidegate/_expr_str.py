"""``expr.str``: what an expression can do with texts."""

from __future__ import annotations

import re

from tidegate._expr_base import check_flag, check_int, check_text, node_of, quoted, unwrap, wrap
from tidegate._expr_nodes import ADD, ATOM, COMPARE, Alias, Call, Literal, Node
from tidegate._sql_text import like_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tidegate._expr import Expr

_REGEX_MARKS = frozenset("\\.+*?()|[]{}^$#&-~ \t\n\r\v\f")
_NAMED_GROUP = re.compile(r"\(\?P?<[A-Za-z_]\w*>")
_PLAIN_MARKS = frozenset("#&-~ ")


class StrMethods:
    """Methods for texts.

    Patterns are regular expressions of Rust's ``regex``, as in Polars: no look-around, no back-references.
    """

    __slots__ = ("_expr",)

    def __init__(self, expr: Expr) -> None:
        self._expr = expr

    def _call(self, template: str, *arguments: Node, kind: str = "text") -> Expr:
        return wrap(Call(template, unwrap(self._expr), *arguments, kind=kind))

    def _like(self, pattern: str) -> Expr:
        node = unwrap(self._expr)
        return wrap(Call("{0} LIKE {1}", node, quoted(pattern), kind="bool", level=COMPARE, inner_level=ADD))

    def contains(self, pattern: str, *, literal: bool = False) -> Expr:
        r"""Return whether a pattern is found.

        Parameters
        ----------
        pattern
            A regular expression; ``(?i)`` at its start for any case.
        literal
            Whether it is a text in place of a pattern.

        Examples
        --------
        >>> print(tg.col("user_agent").str.contains("curl"))
        user_agent LIKE '%curl%'
        >>> print(tg.col("path").str.contains(r"^/api/v\d+/"))
        regexp_like(path, '^/api/v\d+/')

        """
        check_text(pattern, "pattern")
        if not check_flag(literal, "literal") and not _is_plain(pattern):
            return self._call("regexp_like({0}, {1})", quoted(pattern), kind="bool")
        if like_pattern(pattern) is None:
            return self._call("contains({0}, {1})", quoted(pattern), kind="bool")
        return self._like(f"%{pattern}%")

    def starts_with(self, prefix: str) -> Expr:
        """Return whether the text begins with another.

        Parameters
        ----------
        prefix
            The other text.

        Examples
        --------
        >>> print(tg.col("path").str.starts_with("/api/"))
        path LIKE '/api/%'

        """
        if like_pattern(check_text(prefix, "prefix")) is None:
            return self._call("starts_with({0}, {1})", quoted(prefix), kind="bool")
        return self._like(f"{prefix}%")

    def ends_with(self, suffix: str) -> Expr:
        """Return whether the text ends with another.

        Parameters
        ----------
        suffix
            The other text.

        Examples
        --------
        >>> print(tg.col("path").str.ends_with(".png"))
        path LIKE '%.png'

        """
        if like_pattern(check_text(suffix, "suffix")) is None:
            return self._call("ends_with({0}, {1})", quoted(suffix), kind="bool")
        return self._like(f"%{suffix}")

    def to_lowercase(self) -> Expr:
        """Return the text in lower case."""
        return self._call("lower({0})")

    def to_uppercase(self) -> Expr:
        """Return the text in upper case."""
        return self._call("upper({0})")

    def replace(self, pattern: str, value: str, *, literal: bool = False) -> Expr:
        r"""Put another text in the place of the first match.

        Parameters
        ----------
        pattern
            A regular expression.
        value
            The new text; ``$1`` or ``${1}`` is the first group of the match, and so is ``\1``; ``$$`` is a dollar.
        literal
            Whether both are texts that mean themselves.

        Examples
        --------
        >>> print(tg.col("path").str.replace(r"/\d+", "/N"))
        regexp_replace(path, '/\d+', '/N')

        """
        return self._replace(pattern, value, literal=literal, every=False)

    def replace_all(self, pattern: str, value: str, *, literal: bool = False) -> Expr:
        """Put another text in the place of every match; as :meth:`replace`.

        Parameters
        ----------
        pattern, value, literal
            As of :meth:`replace`.

        Examples
        --------
        >>> print(tg.col("path").str.replace_all("0", "N", literal=True))
        replace(path, '0', 'N')

        """
        return self._replace(pattern, value, literal=literal, every=True)

    def _replace(self, pattern: object, value: object, *, literal: object, every: bool) -> Expr:
        old, new = check_text(pattern, "pattern"), check_text(value, "value")
        if check_flag(literal, "literal"):
            if every and old:
                return self._call("replace({0}, {1}, {2})", quoted(old), quoted(new))
            if not every:
                form = (
                    "CASE WHEN strpos({0}, {1}) > 0 THEN left({0}, strpos({0}, {1}) - 1) || {2} || "
                    f"substr({{0}}, strpos({{0}}, {{1}}) + {len(old)}) ELSE {{0}} END"
                )
                return self._call(form, quoted(old), quoted(new))
            old, new = _escaped(old), new.replace("$", "$$")
        arguments = [quoted(old), quoted(new), *([quoted("g")] if every else [])]
        return self._call(f"regexp_replace({{0}}, {{1}}, {{2}}{', {3}' if every else ''})", *arguments)

    def extract(self, pattern: str, group: int = 1) -> Expr:
        r"""Return a group of the first match, NULL if there is none.

        Parameters
        ----------
        pattern
            A regular expression.
        group
            The number of the group; 0 for the whole match.

        Examples
        --------
        >>> print(tg.col("path").str.extract(r"^/(\w+)"))
        regexp_match(path, '^/(\w+)')[1]

        """
        number = check_int(group, "group", least=0)
        return self._call("regexp_match({0}, {1})[1]", quoted(_with_one_group(check_text(pattern, "pattern"), number)))

    def count_matches(self, pattern: str, *, literal: bool = False) -> Expr:
        """Return how many matches of a pattern there are.

        Parameters
        ----------
        pattern
            A regular expression.
        literal
            Whether it is a text that means itself.

        Examples
        --------
        >>> print(tg.col("path").str.count_matches("/"))
        regexp_count(path, '/')

        """
        found = _escaped(check_text(pattern, "pattern")) if check_flag(literal, "literal") else pattern
        return self._call("regexp_count({0}, {1})", quoted(found), kind="")

    def len_chars(self) -> Expr:
        """Return how many characters there are (code points)."""
        return self._call("character_length({0})", kind="")

    def len_bytes(self) -> Expr:
        """Return how many bytes there are, in UTF-8."""
        return self._call("octet_length({0})", kind="")

    def slice(self, offset: int, length: int | None = None) -> Expr:
        """Return a part of the text.

        Parameters
        ----------
        offset
            The first character, from 0; a negative one counts from the end.
        length
            How many characters; by default all that follow.

        Examples
        --------
        >>> print(tg.col("path").str.slice(1, 3), "|", tg.col("path").str.slice(-4))
        substr(path, 2, 3) | right(path, 4)

        """
        start = check_int(offset, "offset")
        count = None if length is None else Literal(check_int(length, "length", least=0))
        if start >= 0:
            arguments = [Literal(start + 1), *([count] if count is not None else [])]
            return self._call("substr({0}, {1}" + (", {2})" if count is not None else ")"), *arguments)
        if count is None:
            return self._call("right({0}, {1})", Literal(-start))
        return self._call(f"substr({{0}}, character_length({{0}}) - {-start - 1}, {{1}})", count)

    def head(self, n: int) -> Expr:
        """Return the first ``n`` characters; of a negative ``n``, all but the last.

        Parameters
        ----------
        n
            How many characters.

        Examples
        --------
        >>> print(tg.col("path").str.head(4))
        left(path, 4)

        """
        return self._call("left({0}, {1})", Literal(check_int(n, "n")))

    def tail(self, n: int) -> Expr:
        """Return the last ``n`` characters; of a negative ``n``, all but the first.

        Parameters
        ----------
        n
            How many characters.

        Examples
        --------
        >>> print(tg.col("path").str.tail(4))
        right(path, 4)

        """
        return self._call("right({0}, {1})", Literal(check_int(n, "n")))

    def split(self, by: str) -> Expr:
        """Return the parts between separators, as a list.

        Parameters
        ----------
        by
            The separator, a text.

        Examples
        --------
        >>> print(tg.col("path").str.split("/").list.get(1))
        string_to_array(path, '/')[2]

        """
        return self._call("string_to_array({0}, {1})", quoted(check_text(by, "by")), kind="list")

    def strip_chars(self, characters: str | None = None) -> Expr:
        """Take characters off both ends, by default white space.

        Parameters
        ----------
        characters
            All of them, in any order.

        Examples
        --------
        >>> print(tg.col("path").str.strip_chars("/"))
        btrim(path, '/')

        """
        return self._strip("btrim", characters)

    def strip_chars_start(self, characters: str | None = None) -> Expr:
        """Take characters off the start, by default white space.

        Parameters
        ----------
        characters
            All of them, in any order.

        """
        return self._strip("ltrim", characters)

    def strip_chars_end(self, characters: str | None = None) -> Expr:
        """Take characters off the end, by default white space.

        Parameters
        ----------
        characters
            All of them, in any order.

        """
        return self._strip("rtrim", characters)

    def _strip(self, function: str, characters: str | None) -> Expr:
        listed = " \t\n\r\v\f" if characters is None else check_text(characters, "characters")
        return self._call(f"{function}({{0}}, {{1}})", quoted(listed))

    def zfill(self, length: int) -> Expr:
        """Put zeros before the text up to a length, after a sign if there is one.

        Parameters
        ----------
        length
            Characters, with the sign.

        """
        width = Literal(check_int(length, "length", least=0))
        form = (
            "CASE WHEN character_length({0}) >= {1} THEN {0} "
            "WHEN left({0}, 1) IN ('-', '+') THEN left({0}, 1) || lpad(substr({0}, 2), {1} - 1, '0') "
            "ELSE lpad({0}, {1}, '0') END"
        )
        return self._call(form, width)

    def reverse(self) -> Expr:
        """Return the characters from last to first."""
        return self._call("reverse({0})")

    def to_datetime(self, format: str | None = None) -> Expr:
        """Read a time.

        Parameters
        ----------
        format
            As in ``strftime`` (Rust's ``chrono``); by default ISO 8601.

        """
        if format is None:
            return self._call("to_timestamp({0})", kind="")
        return self._call("to_timestamp({0}, {1})", quoted(check_text(format, "format")), kind="")

    def to_integer(self, *, strict: bool = True) -> Expr:
        """Read a whole number; if not ``strict``, NULL where there is none.

        Parameters
        ----------
        strict
            Whether a text that is no number is an error of the query.

        Examples
        --------
        >>> print(tg.col("id").str.to_integer(strict=False))
        TRY_CAST(id AS BIGINT)

        """
        return self._expr.cast(int, strict=strict)

    def concat(self, other: object) -> Expr:
        """Put another text, or a column of them, behind; NULL on either side gives NULL.

        Parameters
        ----------
        other
            A text or an expression.

        Examples
        --------
        >>> print(tg.col("method").str.concat(tg.col("path")))
        method || path

        """
        node = node_of(other, "other")
        return wrap(Call("{0} || {1}", unwrap(self._expr), node, kind="text", level=COMPARE, inner_level=ATOM))

    lower = to_lowercase
    upper = to_uppercase
    startswith = starts_with
    endswith = ends_with
    len = len_chars


class ListMethods:
    """``expr.list``: methods for lists."""

    __slots__ = ("_expr",)

    def __init__(self, expr: Expr) -> None:
        self._expr = expr

    def get(self, index: int) -> Expr:
        """Return an element by its place, from 0; a negative one counts from the end. NULL if there is none.

        Parameters
        ----------
        index
            The place.

        """
        at = check_int(index, "index")
        return self._call(f"{{0}}[{at + 1 if at >= 0 else at}]")

    def len(self) -> Expr:
        """Return how many elements there are."""
        return self._call("cardinality({0})")

    def contains(self, value: object) -> Expr:
        """Return whether a value is among the elements.

        Parameters
        ----------
        value
            A value or an expression.

        """
        return self._call("array_has({0}, {1})", node_of(value, "value"), kind="bool")

    def join(self, separator: str) -> Expr:
        """Return the elements as one text.

        Parameters
        ----------
        separator
            What stands between two elements.

        """
        return self._call("array_to_string({0}, {1})", quoted(check_text(separator, "separator")), kind="text")

    def _call(self, template: str, *arguments: Node, kind: str = "") -> Expr:
        inner_level = ATOM if template.startswith("{0}[") else 0
        return wrap(Call(template, unwrap(self._expr), *arguments, kind=kind, inner_level=inner_level))


class StructMethods:
    """``expr.struct``: the fields of nested objects."""

    __slots__ = ("_expr",)

    def __init__(self, expr: Expr) -> None:
        self._expr = expr

    def field(self, name: str) -> Expr:
        """Return a field.

        Parameters
        ----------
        name
            Its name.

        Examples
        --------
        >>> print(tg.col("request").struct.field("path"))
        get_field(request, 'path')

        """
        node = Call("get_field({0}, {1})", unwrap(self._expr), quoted(check_text(name, "name")))
        return wrap(Alias(node, name))


def _is_plain(pattern: str) -> bool:
    return not any(mark in _REGEX_MARKS and mark not in _PLAIN_MARKS for mark in pattern)


def _with_one_group(pattern: str, number: int) -> str:
    """Return a pattern that captures nothing but one of its groups.

    The engine leaves groups that took no part in the match out of its list, so that places in it say nothing.

    Examples
    --------
    >>> _with_one_group(r"(a)?[(](?P<b>b)", 2), _with_one_group("a(b)", 0)
    ('(?:a)?[(](?P<b>b)', '(a(?:b))')

    """
    parts: list[str] = []
    groups = depth = at = 0
    while at < len(pattern):
        mark = pattern[at]
        if mark == "\\":
            parts.append(pattern[at : at + 2])
            at += 2
            continue
        if mark == "[":
            first = at + (2 if pattern[at + 1 : at + 2] == "^" else 1)
            if depth == 0 and pattern[first : first + 1] == "]":
                parts.append(pattern[at:first])
                at, mark = first, "]"
                depth = 2
            else:
                depth += 1
        if mark == "]" and depth:
            depth -= 1
        captures = depth == 0 and mark == "(" and _captures(pattern, at)
        groups += captures
        if captures and groups != number:
            named = _NAMED_GROUP.match(pattern, at)
            parts.append("(?:")
            at = named.end() if named else at + 1
            continue
        parts.append(mark)
        at += 1
    if number > groups:
        raise ValueError(f"group is {number}; the pattern has {groups}")
    whole = "".join(parts)
    return whole if number else f"({whole})"


def _captures(pattern: str, at: int) -> bool:
    return pattern[at + 1 : at + 2] != "?" or _NAMED_GROUP.match(pattern, at) is not None


def _escaped(literal: str) -> str:
    return "".join(
        "\\" + mark if mark in _REGEX_MARKS and mark.isprintable() and mark != " " else mark for mark in literal
    )
