"""Writes bench/RESULTS.md and its pictures from what was measured."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

from questions import FORMS, QUESTIONS

COLOURS = {
    "tidegate": "#0b6e4f", "polars": "#3b7dd8", "duckdb": "#e0a100", "chdb": "#c0392b", "datafusion": "#8e5bb5",
    "pandas": "#7f8c8d", "dask": "#d2691e",
}  # fmt: skip
Rows = list[dict[str, Any]]
ABOUT = """# Tidegate and its peers

Made by `bench/run`, which installs the peers in the versions of `bench/requirements.txt`; `bench/run --help` says what is measured.
The same records of a generated web access log stand in an access log (combined, with a request time), CSV and NDJSON. Each tool
reads them as its own manual advises: CSV and NDJSON with the types given, the access log by Polars and DuckDB as lines and a
regular expression, by chDB with its format `Regexp`; DataFusion has no reader of lines. `bench/peers/` has every query. Each run
is a process of its own, from its start to its end, in a memory cgroup. Answers are compared before a time counts.
"""


def write(known: dict[str, Any], folder: Path) -> None:
    """Write the page, and a picture for the speed and for the frontier of each form."""
    parts = [ABOUT, *(f"- **{name}**: {question.title}" for name, question in QUESTIONS.items()), ""]
    if "speed" in known:
        parts += speed(known["speed"], folder)
        parts.append(Path(__file__).with_name("notes.md").read_text(encoding="utf-8"))
    if "quarter" in known:
        parts += quarter(known["quarter"])
    if "frontier" in known:
        parts += frontier(known["frontier"], folder)
    if "growth" in known:
        parts += growth(known["growth"])
    (folder / "RESULTS.md").write_text("\n".join(parts), encoding="utf-8")


def heading(title: str, about: dict[str, Any]) -> str:
    """Return the title of a part and what its figures are of."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return (
        f"## {title}\n\n{about['date']}, {about['machine']}, load {about['load']} at the end; "
        f"{about['lines']:,} lines, page cache warm. {versions}.\n"
    )


def tools_of(rows: Rows) -> list[str]:
    """Return the tools that were asked, in the order of the pictures."""
    asked = {row["tool"] for row in rows}
    return [tool for tool in COLOURS if tool in asked]


def table(rows: Rows, form: str, cell: Any) -> list[str]:
    """Return a table of questions and tools."""
    tools = tools_of(rows)
    lines = [f"| | {' | '.join(tools)} |", f"|---|{'---|' * len(tools)}"]
    for name in QUESTIONS:
        found = {row["tool"]: row for row in rows if row["form"] == form and row["question"] == name}
        if found:
            lines.append(f"| {name} | {' | '.join(cell(found[tool]) if tool in found else '' for tool in tools)} |")
    return [*lines, ""]


def speed(measured: dict[str, Any], folder: Path) -> list[str]:
    """Return the part about time, and the best peer's time beside ours."""
    rows: Rows = [median(row) for row in measured["rows"]]
    parts = [heading("Time and memory without a limit", measured["about"])]
    parts.append(
        "Seconds / CPU seconds / peak of anonymous MB, medians of as many runs as stand in brackets: a tool that has taken 30 s for a "
        "question is not asked it again. The last column is the best peer's time by ours.\n"
    )
    for form in (form for form in FORMS if any(row["form"] == form for row in rows)):
        cell = lambda row: (  # noqa: E731
            f"{row['seconds']:.2f} / {row['cpu']:.1f} / {row['anon'] / 1e6:.0f} ({row['count']})" if row["outcome"] == "answered" else row["outcome"]
        )
        parts.append(f"### {form}\n\n![time](results-{form}-time.svg)\n")
        lines = table(rows, form, cell)
        parts += [lines[0] + " best peer / ours |", lines[1] + "---|"]
        for line in lines[2:-1]:
            name = line.split("|")[1].strip()
            parts.append(f"{line} {ratio(rows, form, name)} |")
        parts.append("")
        good = [row for row in rows if row["form"] == form and row["outcome"] == "answered"]
        picture = bars(good, "seconds", "seconds, logarithmic", lambda value: f"{value:.2g}")
        (folder / f"results-{form}-time.svg").write_text(picture, encoding="utf-8")
    return parts


def median(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the medians of its runs."""
    runs = row["runs"]
    middle = {key: statistics.median(one[key] for one in runs) for key in ("seconds", "cpu", "anon", "written")}
    return {**row, **middle, "count": len(runs)}


def answered(rows: Rows, form: str, name: str) -> dict[str, dict[str, Any]]:
    """Return the medians of the tools that answer a question."""
    good = [row for row in rows if (row["form"], row["question"], row["outcome"]) == (form, name, "answered")]
    return {row["tool"]: median(row) for row in good}


def fastest_peer(rows: Rows, form: str, name: str) -> dict[str, Any] | None:
    """Return the medians of the fastest peer."""
    peers = [row for tool, row in answered(rows, form, name).items() if tool != "tidegate"]
    return min(peers, key=lambda row: float(row["seconds"]), default=None)


def ratio(rows: Rows, form: str, name: str) -> str:
    """Return the time of the fastest peer by ours."""
    ours, peer = answered(rows, form, name).get("tidegate"), fastest_peer(rows, form, name)
    return f"{peer['seconds'] / ours['seconds']:.2f}" if ours and peer else ""


def quarter(measured: dict[str, Any]) -> list[str]:
    """Return the part about a quarter of the fastest peer's memory."""
    parts = [heading("At a quarter of the fastest peer's memory", measured["about"])]
    parts.append(
        "The peer without a limit, and Tidegate in turns with it. Seconds, medians of as many runs as stand in brackets; what was spilled "
        "is what was written beside the answer.\n"
    )
    parts += ["| | | peer | its MB | its seconds | limit, MB | tidegate | spilled, MB | peer / ours |", f"|{'---|' * 9}"]
    rows = measured["rows"]
    for row in (median(row) for row in rows if row["tool"] == "tidegate"):
        peer = fastest_peer(rows, row["form"], row["question"])
        if peer is None:
            continue
        good = row["outcome"] == "answered"
        figures = f"{row['seconds']:.2f} ({row['count']}) | {row['written'] / 1e6:.0f} | {peer['seconds'] / row['seconds']:.2f}"
        ours = figures if good else f"{row['outcome']} | | "
        parts.append(
            f"| {row['form']} | {row['question']} | {peer['tool']} | {peer['anon'] / 1e6:.0f} | {peer['seconds']:.2f} ({peer['count']}) | "
            f"{row['limit'] / 1e6:.0f} | {ours} |"
        )
    return [*parts, ""]


def frontier(measured: dict[str, Any], folder: Path) -> list[str]:
    """Return the part about the smallest limits."""
    rows: Rows = measured["rows"]
    parts = [heading("The smallest limit that still answers", measured["about"])]
    parts.append(
        "MiB of the cgroup, of those that double from 64 MiB / seconds there. Other work ran on the machine: the seconds "
        "say little.\n"
    )
    for form in (form for form in FORMS if any(row["form"] == form for row in rows)):
        parts.append(f"### {form}\n\n![frontier](results-{form}-frontier.svg)\n")
        good = [row for row in rows if row["form"] == form and row["outcome"] == "answered"]
        parts += table(rows, form, lambda row: f"{row['limit'] >> 20} / {row['seconds']:.1f}" if row["outcome"] == "answered" else row["outcome"])
        scaled = [{**row, "mib": row["limit"] / (1 << 20)} for row in good]
        picture = bars(scaled, "mib", "MiB, logarithmic", lambda value: f"{value:.0f}")
        (folder / f"results-{form}-frontier.svg").write_text(picture, encoding="utf-8")
    return parts


def growth(measured: dict[str, Any]) -> list[str]:
    """Return the part about more and more data."""
    rows: Rows = measured["rows"]
    parts = [heading("Growth at 256 MB", measured["about"]), "Microseconds a line / peak of anonymous MB.\n"]
    for form in (form for form in FORMS if any(row["form"] == form for row in rows)):
        sizes = sorted({row["lines"] for row in rows})
        parts += [f"### {form}\n", f"| | {' | '.join(f'{size:,} lines' for size in sizes)} |", f"|---|{'---|' * len(sizes)}"]
        for name in QUESTIONS:
            found = {row["lines"]: row for row in rows if row["form"] == form and row["question"] == name}
            shown = [f"{1e6 * row['seconds'] / size:.3f} / {row['anon'] / 1e6:.0f}" for size, row in sorted(found.items())]
            if shown:
                parts.append(f"| {name} | {' | '.join(shown)} |")
        parts.append("")
    return parts


def bars(rows: Rows, key: str, unit: str, shown: Any) -> str:
    """Return a picture of bars on a logarithmic scale: a group for each question, a bar for each tool."""
    tools = tools_of(rows)
    names = [name for name in QUESTIONS if any(row["question"] == name for row in rows)]
    values = {(row["question"], row["tool"]): row[key] for row in rows}
    low = min(values.values(), default=1) / 1.5
    high = max(values.values(), default=1)
    bar, gap, left, right, top = 11, 24, 12, 640, 40
    tall = top + len(names) * (len(tools) * bar + gap) + 20
    length = lambda value: (right - left - 40) * math.log(value / low) / math.log(max(high / low, 1.01))  # noqa: E731
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right} {tall}" font-family="system-ui, sans-serif" font-size="10">',
        f'<rect width="{right}" height="{tall}" fill="#ffffff"/>',
    ]
    for at, tool in enumerate(tools):
        parts.append(f'<rect x="{left + at * 84}" y="10" width="9" height="9" fill="{COLOURS[tool]}"/>')
        parts.append(f'<text x="{left + at * 84 + 13}" y="18" fill="#222222">{tool}</text>')
    y = top
    for name in names:
        parts.append(f'<text x="{left}" y="{y - 4}" fill="#222222" font-weight="600">{name}: {QUESTIONS[name].title}</text>')
        for tool in tools:
            value = values.get((name, tool))
            if value is None:
                parts.append(f'<text x="{left}" y="{y + 9}" fill="#999999">no answer: {tool}</text>')
            else:
                wide = max(1.0, length(value))
                parts.append(f'<rect x="{left}" y="{y}" width="{wide:.1f}" height="{bar - 2}" fill="{COLOURS[tool]}"/>')
                parts.append(f'<text x="{left + wide + 4:.1f}" y="{y + 9}" fill="#222222">{shown(value)}</text>')
            y += bar
        y += gap
    parts.append(f'<text x="{left}" y="{tall - 8}" fill="#666666">{unit}</text></svg>')
    return "\n".join(parts)
