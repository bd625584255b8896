"""Uses the package where nothing else is installed: one of each kind of thing. Run by ``crates/python/try``."""

from __future__ import annotations

import asyncio
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import tidegate as tg

LINE = '10.0.0.{} - - [02/Mar/2026:10:00:{:02} +0000] "GET /p/{} HTTP/1.1" {} {}\n'


def doubled(batch: tg.Table) -> tg.Table:
    """Return a batch of rows; in another process."""
    return batch


def frames(folder: Path) -> None:
    """Ask a log by frames and by SQL."""
    log = folder / "access.log"
    log.write_text("".join(LINE.format(n % 7, n % 60, n % 11, 200 if n % 5 else 500, n) for n in range(1000)))
    logs = tg.scan(log, limit="256MB")
    failed = logs.filter(tg.col("status") == 500).group_by("client").agg(n=tg.len(), most=tg.col("bytes").max())
    table = failed.sort("client").collect()
    assert table.columns == ["client", "n", "most"]
    assert sum(table["n"]) == 200
    assert asyncio.run(failed.collect_async()).num_rows == 7
    assert sum(len(batch) for batch in logs.iter_batches()) == 1000
    for name in ("rows.parquet", "rows.csv", "rows.ndjson"):
        getattr(failed, f"write_{name.partition('.')[2]}")(folder / name)
        assert (folder / name).stat().st_size > 0
    tg.register("failed", table)
    assert tg.sql("SELECT sum(n) FROM failed").collect().item() == 200
    tg.unregister("failed")
    rows = logs.map_batches(doubled, as_="table", workers=1) if __name__ == "__main__" else logs
    assert rows.count() == 1000
    assert logs.forecast().bound > 0


def errors() -> None:
    """See that errors are ours, and name what is missing."""
    for kind, work in (
        (tg.QueryError, lambda: tg.sql("SELECT nope").collect()),
        (tg.InputError, lambda: tg.scan("nowhere.log").collect()),
        (tg.MissingPackageError, lambda: tg.sql("SELECT 1").to_pandas()),
        (TypeError, lambda: tg.sql(5)),  # type: ignore[arg-type]
    ):
        try:
            work()
        except kind:
            continue
        raise SystemExit(f"{kind.__name__} was not raised")


def memory(folder: Path) -> None:
    """Use the tools for the process one is in."""
    held = bytearray(30_000_000)
    now = tg.memory()
    assert any(name.startswith("held") for holder in now.holders for name in holder.names), now
    with tg.monitor() as monitor:
        del held
    assert monitor.peak > 0
    assert tg.release_memory() >= 0
    with tg.limit_memory("4GB"), tg.MemoryManager(limit="4GB") as manager:
        assert manager.optimal_release("1MB").fits
    for number in range(2):
        (folder / f"{number}.csv").write_text("a,b\n1,x\n2,y\n")

    def load(path: Any) -> list[str]:
        return Path(path).read_text().splitlines()

    with tg.DataProcessor(str(folder / "[01].csv"), load=load, limit="4GB") as job:
        assert list(job.run(len)) == [3, 3]


def main() -> None:
    """Use all of it."""
    with tempfile.TemporaryDirectory() as folder:
        frames(Path(folder))
        errors()
        memory(Path(folder))
    tg.release_workers()
    sys.stdout.write(f"tidegate {tg.__version__} works with Python {platform.python_version()}\n")


if __name__ == "__main__":
    main()
