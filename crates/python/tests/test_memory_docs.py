"""The blocks of Python in docs/python-memory.md, one after the other, as a reader would type them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs" / "python-memory.md"


def test_the_blocks_run_in_this_order(tmp_path: Path) -> None:
    if not DOCS.exists():
        pytest.skip("the tests stand without the documents")
    blocks = re.findall(r"^```python\n(.*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 8
    script = tmp_path / "blocks.py"
    script.write_text("\n".join(blocks))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "memory limit of 200 MB passed" in done.stdout
    assert "job: memory" in done.stdout
    assert "3 turns, 0 failed, 3,000 rows" in done.stdout
