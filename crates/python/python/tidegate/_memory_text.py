"""Tables, sparklines and bars as text and HTML, for every part of the package that shows memory."""

from __future__ import annotations

import html
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return a table as text.

    Parameters
    ----------
    header : sequence of str
        The names of the columns.
    rows : sequence of sequence of str
        The rows, each as long as the header.
    left : int, optional
        How many columns stand to the left; the others are numbers, and stand to the right.

    Returns
    -------
    str
        Lines without a line end at the end.

    Examples
    --------
    >>> print(table(("name", "size"), [("df", "12 MB"), ("lookup", "1 MB")]))
    name     size
    df      12 MB
    lookup   1 MB
    """
    cells = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        words = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(words).rstrip())
    return "\n".join(lines)


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1, caption: str = "") -> str:
    """Return a table as HTML; what is in the cells is escaped.

    Examples
    --------
    >>> "&lt;b&gt;</td>" in html_table(("a",), [("<b>",)])
    True
    """

    def line(cells: Sequence[str], tag: str) -> str:
        parts = [
            f'<{tag} style="text-align:{"left" if column < left else "right"}">{html.escape(cell)}</{tag}>'
            for column, cell in enumerate(cells)
        ]
        return "<tr>" + "".join(parts) + "</tr>"

    head = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    body = "".join(line(row, "td") for row in rows)
    return f"<table>{head}<thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"


def _columns(values: Sequence[int], width: int) -> list[int]:
    """Return at most so many values, each the highest of its part."""
    count = len(values)
    if count <= width:
        return list(values)
    return [
        max(values[count * i // width : max(count * i // width + 1, count * (i + 1) // width)]) for i in range(width)
    ]


def sparkline(values: Sequence[int], *, width: int = 40, top: int | None = None) -> str:
    """Return values as a line of blocks, from the lowest to the highest of them.

    Parameters
    ----------
    values : sequence of int
        What is shown, in the order of time.
    width : int, optional
        The most blocks; more values than that are shown by the highest of each part.
    top : int, optional
        The value of a full block; by default the highest.

    Returns
    -------
    str
        The line; empty if there are no values.

    Examples
    --------
    >>> sparkline([1, 2, 8, 1])
    '▁▂█▁'
    """
    shown = _columns(values, width)
    if not shown:
        return ""
    low, high = min(shown), max(shown) if top is None else top
    if high <= low:
        return _BLOCKS[0] * len(shown)
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[max(0, min(steps, (value - low) * steps // (high - low)))] for value in shown)


def bar(share: float, *, width: int = 20) -> str:
    """Return a share, 0 to 1, as a bar.

    Examples
    --------
    >>> bar(0.25, width=8)
    '##......'
    """
    full = round(max(0.0, min(1.0, share)) * width)
    return "#" * full + "." * (width - full)


def svg_timeline(times: Sequence[float], values: Sequence[int], *, limit: int | None = None) -> str:
    """Return values over time as an SVG of 480 by 80 points, with the limit as a dashed line.

    Parameters
    ----------
    times : sequence of float
        Seconds.
    values : sequence of int
        Bytes at these times.
    limit : int, optional
        Bytes.

    Returns
    -------
    str
        The SVG; empty for less than two values.
    """
    if len(values) < 2:
        return ""
    width, height = 480.0, 80.0
    top = max(max(values), limit if limit is not None and limit < 4 * max(values) else 0) * 1.05 or 1.0
    span = (times[-1] - times[0]) or 1.0
    points = " ".join(
        f"{(time - times[0]) / span * width:.1f},{height - value / top * height:.1f}"
        for time, value in zip(times, values)
    )
    parts = [
        f'<polygon points="0,{height:.0f} {points} {width:.0f},{height:.0f}" fill="#4c78a8" fill-opacity="0.35"/>',
        f'<polyline points="{points}" fill="none" stroke="#4c78a8"/>',
    ]
    if limit is not None and limit <= top:
        y = height - limit / top * height
        parts.append(
            f'<line x1="0" x2="{width:.0f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d62728" stroke-dasharray="4 3"/>'
        )
    return (
        f'<svg width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="memory over time">{"".join(parts)}</svg>'
    )
