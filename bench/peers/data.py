"""Makes the data: the same records as log, CSV and NDJSON, without the lines that the demo breaks on purpose, and without
requests that are none, such as a TLS handshake on the plain port: users take logs apart by a regular expression."""

from __future__ import annotations

import csv
import re
import subprocess
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from questions import FILES, LINE

COUNTRIES = ("DE", "US", "FR", "BR", "IN", "JP", "PL", "NG", "SE", "MX", "ZA", "KR")
CLIENTS = 1_000_000


def make(tidegate: str, folder: Path, lines: int, forms: Iterable[str] = FILES) -> Path:
    """Make the files where they are missing and return their folder. The log is always made: it tells what is left out."""
    data = folder / f"{lines}"
    data.mkdir(parents=True, exist_ok=True)
    missing = [form for form in FILES if form in {"log", *forms} and not (data / FILES[form]).exists()]
    if missing:
        with tempfile.TemporaryDirectory(dir=data) as folder_of_raw:
            raw = Path(folder_of_raw)
            for form in dict.fromkeys(["log", *missing]):
                subprocess.run([tidegate, "demo", "-q", "--data", raw, "--lines", str(lines), "--as", form], check=True)
            left_out = unlike(raw / FILES["log"])
            for form in missing:
                copy(raw / FILES[form], data / FILES[form], left_out, 1 if form == "csv" else 0)
    if not (data / "countries.csv").exists():
        countries(tidegate, data)
    return data


def unlike(log: Path) -> set[int]:
    """Return the places of the records whose line is not like the others."""
    pattern = re.compile(LINE.encode())
    with log.open("rb") as lines:
        return {at for at, line in enumerate(lines) if not pattern.match(line.rstrip(b"\n"))}


def copy(path: Path, target: Path, left_out: set[int], header: int) -> None:
    """Copy a file without some records."""
    with path.open("rb") as lines, target.open("wb") as kept:
        kept.writelines(line for at, line in enumerate(lines, -header) if at not in left_out)


def countries(tidegate: str, data: Path) -> None:
    """Give a million clients a country each."""
    query = f"SELECT DISTINCT client FROM '{data / FILES['log']}' ORDER BY client LIMIT {CLIENTS}"
    found = subprocess.run([tidegate, "query", "-q", "--format", "csv", query], check=True, capture_output=True, text=True)
    with (data / "countries.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["client", "country"])
        clients = found.stdout.splitlines()[1:]
        rows.writerows([client, COUNTRIES[zlib.crc32(client.encode()) % len(COUNTRIES)]] for client in clients)


def warm(path: Path) -> None:
    """Read a file once, so that all tools find it in the page cache."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
