"""Tidegate as a Python package: the questions that need no SQL, written as its users write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from questions import FILES, Question


def package(question: Question, form: str, data: Path, out: Path, limit: int | None) -> None:
    """Lazy frames; the worker that runs them is a child of this process, and is counted with it."""
    import tidegate as tg

    frame = tg.scan(data / FILES[form], limit=limit or "none")
    if form == "ndjson":
        request = tg.col("request")
        frame = frame.with_columns(path=request.struct.field("path"), method=request.struct.field("method"))
    answer_to(question.name, frame, tg).write_csv(out)


def answer_to(name: str, frame: Any, tg: Any) -> Any:
    """Return the frame of an answer."""
    n, total = tg.len(), tg.col("bytes").sum()

    def quantile(part: float) -> Any:
        return tg.col("request_time").quantile(part)

    answers = {
        "q1": lambda: frame.group_by("status").agg(n=n, b=total),
        "q2": lambda: frame.group_by("path").agg(n=n).sort("n", "path", descending=[True, False]).head(20),
        "q3": lambda: frame.group_by(m=tg.col("ts").dt.truncate("1m")).agg(
            n=n, p50=quantile(0.5), p95=quantile(0.95), p99=quantile(0.99)
        ),
        "q4": lambda: frame.group_by(h=tg.col("ts").dt.truncate("1h")).agg(n=tg.col("client").n_unique()),
        "q5": lambda: frame.group_by("client").agg(n=n, b=total).sort("b", "client", descending=[True, False]).head(20),
    }
    return answers[name]()


PACKAGE = {"package": package}
