"""``tg.check``: findings of a script."""

from pathlib import Path

import tidegate as tg

SCRIPT = """\
import pandas as pd
raw = pd.read_csv("raw.csv")
print(len(raw))
more = pd.read_csv("more.csv")
print(more.sort_values("x").to_string())
"""


def test_findings_have_places_and_changes() -> None:
    finding = next(found for found in tg.check(SCRIPT) if found.code == "TG001")
    assert (finding.name, finding.line, finding.fix) == ("dead-but-alive", 3, "`del raw` after line 3")
    (edit,) = finding.edits
    assert SCRIPT[: edit.start] + edit.text + SCRIPT[edit.end :] == SCRIPT.replace("(raw))\n", "(raw))\ndel raw\n")


def test_sizes_are_those_of_the_file_beside_the_script(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("a,b\n" + "1,text\n" * 1000)
    finding = next(found for found in tg.check(SCRIPT, name=str(tmp_path / "etl.py")) if found.code == "TG001")
    assert finding.bytes is not None
    assert finding.bytes > 10_000


def test_what_cannot_be_checked_is_a_finding() -> None:
    (finding,) = tg.check("def f(:\n")
    assert (finding.code, finding.line) == ("TG000", 1)
