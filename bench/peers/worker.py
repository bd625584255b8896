"""One tool, one question, one process: worker.py TOOL QUESTION FORM DATA OUT LIMIT."""

from __future__ import annotations

import sys
from pathlib import Path

from frames import FRAMES
from package import PACKAGE
from questions import QUESTIONS
from speakers import SPEAKERS


def main() -> None:
    """Ask and write the answer."""
    tool, name, form, data, out, limit = sys.argv[1:]
    ask = (SPEAKERS | FRAMES | PACKAGE)[tool]
    ask(QUESTIONS[name], form, Path(data), Path(out), int(limit) or None)


if __name__ == "__main__":
    main()
