"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("TIDEGATE_HISTORY", "none")
os.environ.setdefault("TIDEGATE_LIMIT", "512MB")

#: Rows without end: what reads them all never comes back.
ENDLESS = "SELECT value FROM generate_series(1, 1000000000000)"


@pytest.fixture
def endless() -> str:
    """Return a query whose rows have no end."""
    return ENDLESS


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a small access log."""
    path = tmp_path / "access.log"
    lines = [
        f'10.0.0.{n % 7} - - [02/Mar/2026:10:00:{n % 60:02} +0000] "GET /p/{n % 11} HTTP/1.1" {200 if n % 5 else 500} {n}\n'
        for n in range(1000)
    ]
    path.write_text("".join(lines))
    return path


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run the test in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
