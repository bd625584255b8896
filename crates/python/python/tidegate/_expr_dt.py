"""``expr.dt``: what an expression can do with times, all of them UTC."""

from __future__ import annotations

import re

from tidegate._expr_base import check_text, quoted, unwrap, wrap
from tidegate._expr_nodes import ADD, MULTIPLY, Call, Node
from tidegate._sql_text import interval, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tidegate._expr import Expr

_DAY = 86_400_000_000
_MICROSECONDS = {"us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": _DAY, "w": 7 * _DAY}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_CALENDAR = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "q": "quarter",
    "y": "year",
}
_PART = re.compile(r"(\d+)(us|ms|mo|s|m|h|d|w|q|y)")
_PANDAS = {"min": "m", "ME": "mo", "MS": "mo", "QE": "q", "QS": "q", "YE": "y", "YS": "y", "D": "d", "H": "h", "W": "w"}


class DtMethods:
    """Methods for times and dates."""

    __slots__ = ("_expr",)

    def __init__(self, expr: Expr) -> None:
        self._expr = expr

    def _call(self, template: str, *arguments: Node, kind: str = "", level: int = 8, inner_level: int = 0) -> Expr:
        return wrap(Call(template, unwrap(self._expr), *arguments, kind=kind, level=level, inner_level=inner_level))

    def truncate(self, every: str) -> Expr:
        """Return the start of the interval that a time is in.

        Parameters
        ----------
        every
            A number and a unit: ``us ms s m h d w mo q y``, as in Polars; ``m`` is a minute, ``mo`` a month. Weeks
            begin on Monday.

        Examples
        --------
        >>> print(tg.col("ts").dt.truncate("1m"), "|", tg.col("ts").dt.truncate("5m"))
        date_trunc('minute', ts) | date_bin(INTERVAL '300 seconds', ts)

        """
        count, unit = _one_length(every)
        if count == 1 and unit in _CALENDAR:
            return self._call(f"date_trunc('{_CALENDAR[unit]}', {{0}})")
        if unit in _MONTHS:
            return self._call(f"date_bin({interval(months=count * _MONTHS[unit])}, {{0}})")
        step = interval(microseconds=count * _MICROSECONDS[unit])
        if unit == "w":
            return self._call(f"date_bin({step}, {{0}}, TIMESTAMP '1970-01-05T00:00:00')")
        return self._call(f"date_bin({step}, {{0}})")

    def floor(self, freq: str) -> Expr:
        """Do as :meth:`truncate`; pandas' ``"5min"``, ``"D"`` and ``"h"`` are known, too.

        Parameters
        ----------
        freq
            A number and a unit, as of :meth:`truncate` or as in pandas.

        Examples
        --------
        >>> print(tg.col("ts").dt.floor("5min"))
        date_bin(INTERVAL '300 seconds', ts)

        """
        number, unit = re.match(r"(\d*)(.*)", check_text(freq, "freq")).groups()  # type: ignore[union-attr]
        return self.truncate(f"{number or 1}{_PANDAS.get(unit, unit)}")

    def offset_by(self, by: str) -> Expr:
        """Move a time by a length, such as ``"1h"``, ``"-3d"`` or ``"1mo2d"``.

        Parameters
        ----------
        by
            Numbers and units, as of :meth:`truncate`; with a minus in front, back in time.

        Examples
        --------
        >>> print(tg.col("ts").dt.offset_by("-1h"))
        ts - INTERVAL '3600 seconds'

        """
        text = check_text(by, "by").strip()
        sign, text = ("-", text[1:]) if text.startswith("-") else ("+", text)
        months = microseconds = 0
        for count, unit in _lengths(text, by):
            months += count * _MONTHS.get(unit, 0)
            microseconds += count * _MICROSECONDS.get(unit, 0)
        length = interval(months=months, microseconds=microseconds)
        return self._call(f"{{0}} {sign} {length}", level=ADD, inner_level=ADD)

    def date(self) -> Expr:
        """Return the day."""
        return self._call("CAST({0} AS DATE)")

    def year(self) -> Expr:
        """Return the year."""
        return self._part("year")

    def quarter(self) -> Expr:
        """Return the quarter, 1 to 4."""
        return self._part("quarter")

    def month(self) -> Expr:
        """Return the month, 1 to 12."""
        return self._part("month")

    def week(self) -> Expr:
        """Return the week of ISO 8601, 1 to 53."""
        return self._part("week")

    def day(self) -> Expr:
        """Return the day of the month, 1 to 31."""
        return self._part("day")

    def ordinal_day(self) -> Expr:
        """Return the day of the year, 1 to 366."""
        return self._part("doy")

    def weekday(self) -> Expr:
        """Return the day of the week, 1 for Monday to 7, as in Polars; pandas counts from 0."""
        # 0 is Sunday.
        return self._call("CAST((date_part('dow', {0}) + 6) % 7 + 1 AS INT)")

    def hour(self) -> Expr:
        """Return the hour, 0 to 23."""
        return self._part("hour")

    def minute(self) -> Expr:
        """Return the minute, 0 to 59."""
        return self._part("minute")

    def second(self) -> Expr:
        """Return the second, 0 to 59."""
        return self._call("CAST(floor(date_part('second', {0})) AS INT)")

    def millisecond(self) -> Expr:
        """Return the milliseconds within the second, 0 to 999, as in Polars."""
        return self._call("CAST(date_part('millisecond', {0}) AS INT) % 1000", level=MULTIPLY)

    def microsecond(self) -> Expr:
        """Return the microseconds within the second, 0 to 999,999, as in pandas and Polars."""
        return self._call("CAST(date_part('microsecond', {0}) AS INT) % 1000000", level=MULTIPLY)

    def epoch(self, time_unit: str = "us") -> Expr:
        """Return the time since 1970 as a whole number of ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.

        Parameters
        ----------
        time_unit
            The unit.

        Examples
        --------
        >>> print(tg.col("ts").dt.epoch("s"))
        CAST(arrow_cast(date_trunc('second', ts), 'Timestamp(Second, None)') AS BIGINT)

        """
        units = {"s": "Second", "ms": "Millisecond", "us": "Microsecond", "ns": "Nanosecond"}
        if time_unit not in units:
            raise ValueError(f"time_unit is {time_unit!r}; expected 's', 'ms', 'us' or 'ns'")
        # A cast to a coarser unit would round to 1970, from both sides.
        coarse = time_unit in ("s", "ms")
        part = f"date_trunc('{units[time_unit].lower()}', {{0}})" if coarse else "{0}"
        return self._call(f"CAST(arrow_cast({part}, 'Timestamp({units[time_unit]}, None)') AS BIGINT)")

    def strftime(self, format: str) -> Expr:
        """Return the time as a text.

        Parameters
        ----------
        format
            As in ``strftime`` (Rust's ``chrono``).

        Examples
        --------
        >>> print(tg.col("ts").dt.strftime("%H:%M"))
        to_char(ts, '%H:%M')

        """
        return self._call("to_char({0}, {1})", quoted(check_text(format, "format")), kind="text")

    def total_seconds(self) -> Expr:
        """Return a length of time, such as a difference of two times, as seconds in a double."""
        return self._call(
            "CAST(CAST(arrow_cast({0}, 'Duration(Microsecond)') AS BIGINT) AS DOUBLE) / 1000000.0", level=MULTIPLY
        )

    def _part(self, part: str) -> Expr:
        return self._call(f"date_part({text(part)}, {{0}})")

    to_string = strftime


def _one_length(every: str) -> tuple[int, str]:
    lengths = _lengths(check_text(every, "every"), every)
    if len(lengths) != 1:
        raise ValueError(f"every is {every!r}; expected one number and unit, such as '5m'")
    if lengths[0][0] == 0:
        raise ValueError(f"every is {every!r}; expected more than nothing")
    return lengths[0]


def _lengths(value: str, whole: str) -> list[tuple[int, str]]:
    found = _PART.findall(value)
    if not found or "".join(number + unit for number, unit in found) != value:
        raise ValueError(
            f"{whole!r} is no length of time; expected numbers and units (us ms s m h d w mo q y), such as '5m'"
        )
    return [(int(number), unit) for number, unit in found]
