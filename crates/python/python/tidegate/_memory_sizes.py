"""Sizes as people write them, and as they are shown: ``512MB``, ``2GiB``, ``75%``.

The rules are those of the program `tidegate`: decimal units are shown, because they are the ones people type; binary
units are read. A share is one of what the machine or the cgroup allows.
"""

from __future__ import annotations

import re
from typing import Union

Size = Union[str, int]
"""A number of bytes, or a text such as ``"512MB"``."""

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([kmgt]?i?b)?", re.IGNORECASE)
_SHARE = re.compile(r"([0-9]+)\s*%")


def parse_size(size: Size, *, name: str = "size") -> int:
    """Return a size in bytes.

    Parameters
    ----------
    size : str or int
        A number of bytes, or a text: ``"512MB"`` (decimal), ``"2GiB"`` (binary), ``"1.5 GB"``.
    name : str, optional
        What the argument is called, for the error.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    TypeError
        If it is neither a text nor a whole number.
    ValueError
        If the text is no size, or the number is negative.

    Examples
    --------
    >>> parse_size("512MB")
    512000000
    >>> parse_size("2 GiB")
    2147483648
    >>> parse_size("1.5kB")
    1500
    """
    if isinstance(size, bool) or not isinstance(size, (str, int)):  # pyright: ignore[reportUnnecessaryIsInstance]
        whole = _whole_number(size)
        if whole is None:
            raise TypeError(f"`{name}` must be a size such as '512MB' or a number of bytes, not {type(size).__name__}")
        size = whole
    if isinstance(size, int):
        if size < 0:
            raise ValueError(f"`{name}` is {size}, and a size is not negative")
        return size
    match = _SIZE.fullmatch(size.strip())
    if match is None:
        raise ValueError(f"`{size}` is no size; write `{name}` as 512MB, 2GiB or a number of bytes")
    number, unit = match.group(1), (match.group(2) or "").lower()
    factor = _UNITS.get(unit)
    if factor is None:
        raise ValueError(f"`{size}` is no size; write `{name}` as 512MB, 2GiB or a number of bytes")
    return int(number) * factor if number.isdigit() else int(float(number) * factor)


def parse_limit(limit: Size | None, *, name: str = "limit") -> int | None:
    """Return a limit in bytes, or None if there is none.

    Parameters
    ----------
    limit : str or int or None
        A size as :func:`parse_size` takes it; a share such as ``"75%"`` of what the machine or the cgroup allows,
        whichever is less; or ``None`` or ``"none"``.
    name : str, optional
        What the argument is called, for the error.

    Returns
    -------
    int or None
        Bytes.

    Raises
    ------
    TypeError
        If it is neither a text nor a whole number.
    ValueError
        If it is no limit: zero, a share above 100 %, a text that is no size.

    Examples
    --------
    >>> parse_limit("2GB")
    2000000000
    >>> parse_limit("none") is None
    True
    >>> parse_limit("50%") < parse_limit("100%")
    True
    """
    if limit is None or (isinstance(limit, str) and limit.strip().lower() == "none"):
        return None
    if isinstance(limit, str):
        share = _SHARE.fullmatch(limit.strip())
        if share is not None:
            return _share(int(share.group(1)), text=limit)
        if "%" in limit:
            raise ValueError(f"`{limit}` is no share; write `{name}` as 75%, from 1% to 100%")
    size = parse_size(limit, name=name)
    if size == 0:
        raise ValueError(f"`{name}` is 0, and nothing runs in no memory; write 512MB, 2GiB, 75% or none")
    return size


def format_size(size: float) -> str:
    """Return a size with three digits, in decimal units.

    Parameters
    ----------
    size : float
        Bytes.

    Returns
    -------
    str
        The size as text.

    Examples
    --------
    >>> format_size(67_108_864)
    '67.1 MB'
    >>> format_size(-1_500)
    '-1.50 kB'
    """
    sign, value = ("-", -float(size)) if size < 0 else ("", float(size))
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000.0, larger
    return f"{sign}{value:.0f} B" if unit == "B" else f"{sign}{_three_digits(value)} {unit}"


def format_change(change: float) -> str:
    """Return a change of size in bytes with its sign.

    Examples
    --------
    >>> format_change(2_000_000)
    '+2.00 MB'
    >>> format_change(0)
    '0 B'
    """
    return f"+{format_size(change)}" if change > 0 else format_size(change)


def format_seconds(seconds: float) -> str:
    """Return a duration, given in seconds, with three digits.

    Examples
    --------
    >>> format_seconds(0.0123)
    '12.3 ms'
    >>> format_seconds(75)
    '75.0 s'
    """
    if seconds < 0.9995:
        value, unit = seconds * 1000.0, "ms"
    elif seconds < 600:
        value, unit = seconds, "s"
    else:
        value, unit = seconds / 60.0, "min"
    return f"{_three_digits(value)} {unit}"


def _three_digits(value: float) -> str:
    """Return a number that is not negative with as many decimals as make three digits."""
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{decimals}f}"


def _whole_number(value: object) -> int | None:
    """Return what an object counts as, which NumPy's integers do and truth values do not."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    return int(value.__index__())  # type: ignore[attr-defined]


def _share(percent: int, *, text: str) -> int:
    """Return so many per cent of what the machine or the cgroup allows."""
    if not 1 <= percent <= 100:
        raise ValueError(f"`{text}` is no share; write it as 75%, from 1% to 100%")
    from ._memory_limits import allowed_memory

    return allowed_memory() * percent // 100
