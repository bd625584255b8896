"""Names, values and paths as SQL text that means exactly them, whatever they hold."""

from __future__ import annotations

import datetime
import math
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Union

    Path = Union[str, "os.PathLike[str]"]

# What tidegate's parser takes for more than a name, in some place where a name may stand.
_RESERVED = frozenset(
    """
    all analyze and anti any array as asc asof at between both by case cast ceil cluster column connect convert cross
    current current_catalog current_date current_role current_time current_timestamp current_user date default delete
    desc describe distinct distribute else end except exclude exists explain extract false fetch filter final floor for
    format from full global grant group grouping having ignore ilike in index inner insert intersect interval into is
    isnull join key lambda lateral leading left like limit local localtime localtimestamp map match match_condition
    match_recognize merge minus natural not notnull null nulls of offset on open or order outer over overlay overlaps
    partition pivot position prewhere primary prior qualify recursive regexp replace respect returning right rlike row
    rows safe_cast sample select semi session_user set settings similar some sort start struct substr substring table
    tablesample then time timestamp to top trailing trim true truncate try_cast try_convert union unique unnest unpivot
    update user using values view when where window with within
    """.split()
)
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
_TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FORMATS = {
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "ndjson": "json",
    "jsonl": "json",
    "access": "logs",
    "common": "logs",
    "combined": "logs",
    "apache": "logs",
    "nginx": "logs",
}
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1


def identifier(name: str) -> str:
    """Return a column's name as SQL: plain where it can be, else in double quotes.

    Raises
    ------
    ValueError
        If the name is no valid Unicode text.

    Examples
    --------
    >>> identifier("status"), identifier("User"), identifier('say "hi" now')
    ('status', '"User"', '"say ""hi"" now"')

    """
    if _PLAIN_NAME.match(name) and name not in _RESERVED:
        return name
    return '"' + _valid(name, "name").replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a text as SQL, in single quotes.

    Raises
    ------
    ValueError
        If it is no valid Unicode text.

    Examples
    --------
    >>> text("it's")
    "'it''s'"

    """
    return "'" + _valid(value, "text").replace("'", "''") + "'"


def literal(value: object) -> str:
    """Return a Python value as SQL.

    Parameters
    ----------
    value
        ``None``, a truth value, a number, a text, bytes, a date, a time, a datetime (without a zone it is UTC), a
        timedelta, a ``decimal.Decimal``, or one of NumPy's or pandas' scalars of these.

    Raises
    ------
    TypeError
        If there is no such value in SQL.
    ValueError
        If a whole number has more than 64 bits.

    Examples
    --------
    >>> literal(None), literal(True), literal(-3), literal(2.5), literal(float("nan"))
    ('NULL', 'true', '-3', '2.5', "CAST('NaN' AS DOUBLE)")

    """
    if value is None or type(value).__name__ == "NAType":
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, float):
        return _double(float(value))
    if isinstance(value, str):
        return text(str(value))
    if isinstance(value, (bytes, bytearray)):
        return f"X'{value.hex()}'"
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        return _time(value)
    if type(value).__name__ == "Decimal":
        return _decimal(str(value))
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 0) == 0:
        inner: object = item()
        if type(inner) is not type(value):
            return literal(inner)
    kind = type(value).__name__
    raise TypeError(f"a value of type {kind} has no form in SQL; give a number, a text, a date, a datetime or None")


def table(
    paths: Iterable[str],
    *,
    format: str | None = None,
    types: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
) -> str:
    """Return what stands in FROM for one or more paths.

    Raises
    ------
    ValueError
        If the format is not known, or is missing where it is needed.

    Examples
    --------
    >>> table(["logs/*.log"])
    "'logs/*.log'"
    >>> table(["a.csv", "b.csv"], format="csv", delimiter=";")
    "csv('a.csv', 'b.csv', delimiter => ';')"

    """
    paths = list(paths)
    if format is None and types is None and delimiter is None and header is None and len(paths) == 1:
        return text(paths[0])
    if format is None:
        raise ValueError("format must be given with several paths, types, delimiter or header, such as format='csv'")
    function = _FORMATS.get(format.lower())
    if function is None:
        raise ValueError(f"format is {format!r}; known are {', '.join(sorted(_FORMATS))}")
    if format.lower() == "tsv" and delimiter is None:
        delimiter = "\t"
    options = {"format": format.lower() if function == "logs" else None, "types": types, "delimiter": delimiter}
    arguments = [text(path) for path in paths]
    arguments += [f"{name} => {text(value)}" for name, value in options.items() if value is not None]
    if header is not None:
        arguments.append(f"header => {literal(header)}")
    return f"{function}({', '.join(arguments)})"


def types_text(types: str | Mapping[str, str] | None) -> str | None:
    """Return the types of columns as tidegate writes them.

    Raises
    ------
    ValueError
        If a name is empty or has a comma.

    Examples
    --------
    >>> types_text({"status": "int16", "ts": "timestamp"})
    'status int16, ts timestamp'

    """
    if types is None or isinstance(types, str):
        return types
    for name in types:
        if "," in name or not name.strip():
            raise ValueError(f"types cannot name the column {name!r}; cast it with .cast(..) in the query")
    return ", ".join(f"{name} {kind}" for name, kind in types.items())


def is_table_name(name: str) -> bool:
    """Return whether a name can be that of a registered table: letters, digits, ``_``, and no word of SQL.

    Examples
    --------
    >>> is_table_name("ips"), is_table_name("logs/ips")
    (True, False)

    """
    taken = {"self", *_FORMATS.values()}
    return _TABLE_NAME.match(name) is not None and name.lower() not in _RESERVED and name.lower() not in taken


def like_pattern(value: str) -> str | None:
    """Return a text as the inner part of a LIKE pattern, or ``None`` if it holds what LIKE takes for more than itself.

    Examples
    --------
    >>> like_pattern("curl"), like_pattern("50%")
    ('curl', None)

    """
    return None if any(mark in value for mark in "%_\\") else value


def without_end(sql: str) -> str:
    """Return a query without the semicolons that may end it, ready to stand in brackets.

    Examples
    --------
    >>> without_end("SELECT 1 ; ")
    'SELECT 1'

    """
    return _valid(sql, "sql").strip().rstrip("; \t\r\n")


def with_tables(tables: list[tuple[str, str]], sql: str) -> str:
    """Put named queries before a query, beside those that its own WITH may have.

    Examples
    --------
    >>> print(with_tables([("self", "SELECT 1 AS a")], "SELECT * FROM self"))
    WITH self AS (
      SELECT 1 AS a
    )
    SELECT * FROM self

    """
    if not tables:
        return sql
    named = ", ".join(f"{name} AS (\n{indent(body)}\n)" for name, body in tables)
    own = _WITH.match(sql)
    if own is None:
        return f"WITH {named}\n{sql}"
    recursive = own.group("recursive") or ""
    return f"{own.group('before')}WITH {recursive}{named}, {sql[own.end() :]}"


def indent(sql: str) -> str:
    r"""Move a query to the right by two columns; texts and names that hold line ends stay what they are.

    Examples
    --------
    >>> print(indent("SELECT a\nFROM t"))
      SELECT a
      FROM t

    """
    if "\n" not in sql:
        return f"  {sql}"
    # Quoted parts are one piece of the split, so that a line end in them is not followed by blanks.
    pieces = _QUOTED.split(sql)
    return "  " + "".join(piece if at % 2 else piece.replace("\n", "\n  ") for at, piece in enumerate(pieces))


_SPACE = r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)"
_WITH = re.compile(rf"(?P<before>{_SPACE}*)with\b{_SPACE}*(?P<recursive>recursive\b{_SPACE}*)?", re.I | re.S)
_QUOTED = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|/\*.*?\*/)""", re.S)


def _valid(value: str, what: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the {what} {value!r} is no valid Unicode text") from error
    return value


def _integer(value: int) -> str:
    if not _MIN_INT <= value <= _MAX_INT:
        raise ValueError(f"{value} has more than 64 bits; give a float or a decimal.Decimal")
    if value == _MIN_INT:
        return f"CAST('{value}' AS BIGINT)"
    return str(value)


def _double(value: float) -> str:
    if math.isnan(value):
        return "CAST('NaN' AS DOUBLE)"
    if math.isinf(value):
        return f"CAST('{'' if value > 0 else '-'}Infinity' AS DOUBLE)"
    return repr(value)


def _decimal(value: str) -> str:
    from decimal import Decimal

    number = Decimal(value)
    if not number.is_finite():
        return _double(float(value))
    _, digits, exponent = number.as_tuple()
    scale = max(-int(exponent), 0)
    if max(len(digits) + max(int(exponent), 0), scale) > 38:
        raise ValueError(f"{value} has more than 38 digits")
    return f"CAST('{number:f}' AS DECIMAL(38, {scale}))"


def _time(value: datetime.date | datetime.time | datetime.timedelta) -> str:
    if value != value:  # pandas' NaT
        return "NULL"
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc)
            return f"TIMESTAMP '{value.replace(tzinfo=None).isoformat()}Z'"
        return f"TIMESTAMP '{value.isoformat()}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, datetime.time):
        return f"TIME '{value.replace(tzinfo=None).isoformat()}'"
    return interval(months=0, microseconds=value // datetime.timedelta(microseconds=1))


def interval(*, months: int = 0, microseconds: int = 0) -> str:
    """Return a length of time as SQL.

    Parameters
    ----------
    months
        Calendar months.
    microseconds
        Microseconds, besides.

    Examples
    --------
    >>> interval(microseconds=90_000_000), interval(months=2)
    ("INTERVAL '90 seconds'", "INTERVAL '2 months'")

    """
    seconds, rest = divmod(abs(microseconds), 1_000_000)
    sign = "-" if microseconds < 0 else ""
    parts = [f"{months} months"] if months else []
    if seconds or not (parts or rest):
        parts.append(f"{sign}{seconds} seconds")
    if rest:
        parts.append(f"{sign}{rest} microseconds")
    return f"INTERVAL '{' '.join(parts)}'"
