"""``tg.check(source)``: what a script does with its memory, told from its source, before it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Optional

from ._native import check_source

__all__ = ["Edit", "Finding", "check"]


@dataclass(frozen=True)
class Edit:
    """A change of a source.

    Attributes
    ----------
    start, end : int
        Where it begins and ends, in bytes of the source in UTF-8.
    text : str
        What takes the place.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Finding:
    """Something about the memory of a script.

    Attributes
    ----------
    code, name : str
        The rule: ``"TG001"``, ``"dead-but-alive"``. ``"TG000"`` says why a source cannot be checked.
    line, column : int
        Where it is, counted from 1.
    message, fix : str
        What is the matter, and what to do.
    saving : str
        What that saves, in words.
    bytes : int or None
        What that saves, in bytes, if the script names a file that is there.
    edits : tuple of Edit
        The change that does it, where it is proven to change nothing else.
    """

    code: str
    name: str
    line: int
    column: int
    message: str
    fix: str
    saving: str
    bytes: Optional[int]
    edits: tuple[Edit, ...]


def check(source: str, *, name: str = "script.py") -> list[Finding]:
    """Return what a script does with its memory, told from its source.

    Nothing is run. Files whose paths stand in the script are sampled, if they are there.

    Parameters
    ----------
    source : str
        The text of the script.
    name : str, default "script.py"
        Its path: where its own paths begin.

    Returns
    -------
    list of Finding
        By their places.

    Examples
    --------
    >>> import tidegate as tg
    >>> script = '''
    ... import pandas as pd
    ... raw = pd.read_csv("raw.csv")
    ... print(len(raw))
    ... more = pd.read_csv("more.csv")
    ... print(more.head())
    ... '''
    >>> tg.check(script)[0].fix
    '`del raw` after line 4'
    """
    found: list[dict[str, Any]] = json.loads(check_source(name, source))
    return [_finding(finding) for finding in found]


def _finding(found: dict[str, Any]) -> Finding:
    saving = found["saving"]
    return Finding(
        code=found["code"],
        name=found["name"],
        line=found["line"],
        column=found["column"],
        message=found["message"],
        fix=found["fix"],
        saving=saving["factor"],
        bytes=saving["bytes"],
        edits=tuple(Edit(edit["start"], edit["end"], edit["text"]) for edit in found["edits"]),
    )
