"""Writes docs/python-speed.md from what was measured."""

from __future__ import annotations

import statistics
from typing import Any

from questions import QUESTIONS

Figures = dict[str, Any]
TITLE = """# The speed of the Python package

Made by `bench/run python`, which says with `--help` what is measured and how; `bench/python/` has all of it. Times are medians.
"""
NAMES = {"package": "tidegate", "pandas": "pandas", "polars": "Polars", "duckdb": "DuckDB"}


def text(known: Figures) -> str:
    """Return the page."""
    parts = [TITLE]
    for part, write in PARTS.items():
        if part in known:
            parts += write(known[part])
    return "\n".join(parts)


def heading(title: str, about: Figures, *names: str) -> str:
    """Return the title of a part, and what its figures are of."""
    versions = "".join(f", {name} {about['versions'][name]}" for name in names)
    return f"## {title}\n\n{about['date']}, {about['machine']}, Python {about['python']}{versions}; load {about['load']} at the end.\n"


def ms(seconds: float) -> str:
    """Return a short time."""
    return f"{seconds * 1e3:.1f} ms"


def mb(size: float) -> str:
    """Return a size."""
    return f"{size / 1e6:,.1f} MB" if size < 1e8 else f"{size / 1e6:,.0f} MB"


def start(found: Figures) -> list[str]:
    """Return the part about starts."""
    warm = found["warm"]
    return [
        heading("Starts", found["about"]),
        f"Of {found['processes']} processes of their own each; of one with 300 queries, after 20 others.\n",
        "| | time | resident in this process |",
        "|---|---|---|",
        f"| `import tidegate` | {ms(found['import']['seconds'])} | {mb(found['import']['bytes'])} |",
        f"| the same, and what frames need (`tg.scan`, `tg.sql`, `tg.col`) | {ms(found['names']['seconds'])} | {mb(found['names']['bytes'])} |",
        f'| after the import, the first `tg.sql("SELECT 1").collect()` | {ms(found["cold"]["seconds"])} | {mb(found["cold"]["bytes"])} |',
        f"| the next ones; 95 of 100 in {ms(warm['p95'])} | {ms(warm['median'])} | |",
        "",
    ]


def transfer(found: Figures) -> list[str]:
    """Return the part about rows on their way."""
    rate = lambda kind: f"{found[kind] / 1e9:.2f} GB/s"  # noqa: E731
    return [
        heading("Rows on their way", found["about"], "pyarrow"),
        f"`SELECT *` of an Arrow file of {mb(found['bytes'])} (numbers, a time, texts), page cache warm.\n",
        "| | |",
        "|---|---|",
        f"| `.iter_batches()` | {rate('batches')} |",
        f"| `.to_arrow()` | {rate('arrow')} |",
        f"| the file read by PyArrow itself | {rate('reread')} |",
        "",
    ]


def frames(found: Figures) -> list[str]:
    """Return the part about pandas frames."""
    lines = [
        heading("A pandas frame", found["about"], "pandas", "pyarrow"),
        "The peak is what resident memory of this process rose by, as the kernel counts (`VmHWM`).\n",
        "| columns | frame | peak while it is made | of the frame | time |",
        "|---|---|---|---|---|",
    ]
    for kind in ("numbers", "texts"):
        one = found[kind]
        share = one["peak"] / one["bytes"]
        lines.append(f"| {kind} | {mb(one['bytes'])} | {mb(one['peak'])} | {share:.2f} | {one['seconds']:.2f} s |")
    return [*lines, ""]


def matrix(found: Figures) -> list[str]:
    """Return the part about the matrix."""
    return [
        heading("A matrix larger than memory", found["about"], "numpy", "pyarrow"),
        f"A log of {found['about']['lines']:,} lines, pivoted to {found['columns']:,} counts of each of {found['rows']:,} clients by "
        '`.map_batches(..).to_numpy(out="matrix.npy")` with `limit="512MB"`.\n',
        "| file | time | peak of the worker | peak of the Python process |",
        "|---|---|---|---|",
        f"| {found['bytes'] / (1 << 30):.2f} GiB | {found['seconds']:.0f} s | {mb(found['worker'])} | {mb(found['peak'])} |",
        "",
    ]


def soak(found: Figures) -> list[str]:
    """Return the part about drift."""
    lines = [
        heading("A soak", found["about"], "pandas"),
        "In one interpreter; drift is of resident memory, from the second tenth of all readings to the last "
        "(`crates/python/tests/soak_memory.py`).\n",
        "| | count | time | drift | highest |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['name']} | {row['count']} | {row['seconds']} s | {row['drift']} | {row['highest']} MB |" for row in found["rows"]
    ]
    return [*lines, ""]


def compare(found: Figures) -> list[str]:
    """Return the part about other packages."""
    about = found["about"]
    lines = [
        heading("Five questions beside other packages", about, "pandas", "polars", "duckdb"),
        f"{about['lines']:,} lines, page cache warm. Each run is a Python process from its start to its end, with all its children; the "
        "tools take turns, and each writes its answer to a file, by which answers are compared. Seconds / peak of anonymous MB "
        "(runs). How each is asked stands in `bench/peers`.\n",
    ]
    rows = found["rows"]
    for form in dict.fromkeys(row["form"] for row in rows):
        lines += [f"### {form}\n", f"| | {' | '.join(NAMES.values())} | best other / ours |", "|---|---|---|---|---|---|"]
        for name in dict.fromkeys(row["question"] for row in rows):
            cells = {row["tool"]: row for row in rows if (row["form"], row["question"]) == (form, name)}
            good = {tool: middle(row) for tool, row in cells.items() if row["outcome"] == "answered"}
            shown = [cell(cells.get(tool), good.get(tool)) for tool in NAMES]
            others = [one["seconds"] for tool, one in good.items() if tool != "package"]
            ratio = f"{min(others) / good['package']['seconds']:.2f}" if others and "package" in good else ""
            lines.append(f"| {name}: {QUESTIONS[name].title} | {' | '.join(shown)} | {ratio} |")
        lines.append("")
    return lines


def middle(row: Figures) -> dict[str, float]:
    """Return the medians of the runs of a row."""
    return {key: statistics.median(one[key] for one in row["runs"]) for key in ("seconds", "anon")}


def cell(row: Figures | None, medians: dict[str, float] | None) -> str:
    """Return what stands in the table for a tool and a question."""
    if row is None or medians is None:
        return "" if row is None else str(row["outcome"])
    return f"{medians['seconds']:.2f} / {medians['anon'] / 1e6:.0f} ({len(row['runs'])})"


PARTS = {"start": start, "transfer": transfer, "frames": frames, "matrix": matrix, "soak": soak, "compare": compare}
