"""What is measured in a process of its own: ``probes.py NAME ..`` prints figures as JSON. Times are in seconds, sizes in bytes.

Nothing is imported before it is measured what an import takes.
"""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SLICES = 1000


def status(name: str, process: object = "self") -> int:
    """Return a size that the kernel tells of a process."""
    with open(f"/proc/{process}/status", encoding="ascii") as lines:  # noqa: PTH123 - pathlib is not imported yet
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def timed(function: Any) -> dict[str, float]:
    """Return how long a function takes, and what is resident for it."""
    before, start = status("VmRSS"), time.perf_counter()
    function()
    return {"seconds": time.perf_counter() - start, "bytes": status("VmRSS") - before}


def an_import() -> dict[str, float]:
    """Import the package."""

    def load() -> None:
        import tidegate  # noqa: F401

    return timed(load)


def names() -> dict[str, float]:
    """Import the package, and all that a frame needs."""

    def load() -> None:
        import tidegate as tg

        tg.scan, tg.sql, tg.col  # noqa: B018

    return timed(load)


def cold() -> dict[str, float]:
    """Run the first query of a process, after the import."""
    import tidegate as tg

    return timed(lambda: tg.sql("SELECT 1").collect())


def warm(count: str) -> dict[str, float]:
    """Run a query again and again."""
    import statistics

    import tidegate as tg

    seconds = [timed(lambda: tg.sql("SELECT 1").collect())["seconds"] for _ in range(int(count) + 20)][20:]
    return {"median": statistics.median(seconds), "p95": sorted(seconds)[len(seconds) * 95 // 100], "least": min(seconds)}


def write(path: str, size: str) -> dict[str, float]:
    """Write an Arrow file of numbers, a time and texts."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(7)
    most, rows = 1 << 16, int(size) // 144
    paths = pa.array([f"/api/v{n % 3}/items/{n:06}" for n in range(5000)])
    agents = pa.array([f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(100, 140)])
    with pa.OSFile(path, "wb") as file:
        writer = None
        for first in range(0, rows, most):
            count = min(most, rows - first)
            columns = {f"f{n}": rng.random(count) for n in range(4)}
            columns |= {"i0": rng.integers(0, 1 << 40, count), "i1": np.arange(first, first + count)}
            columns["ts"] = pa.array(np.arange(first, first + count), pa.timestamp("us"))
            columns["path"] = paths.take(pa.array(rng.integers(0, len(paths), count)))
            columns["agent"] = agents.take(pa.array(rng.integers(0, len(agents), count)))
            batch = pa.record_batch(columns)
            writer = writer or pa.ipc.new_file(file, batch.schema)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()
    return {"rows": rows}


def batches(path: str) -> dict[str, Any]:
    """Read a file by the engine, batch by batch."""
    import tidegate as tg

    tg.sql("SELECT 1").collect()
    start = time.perf_counter()
    size = sum(batch.nbytes for batch in tg.scan(path).iter_batches())
    return {"kind": "batches", "bytes": size, "seconds": time.perf_counter() - start}


def arrow(path: str) -> dict[str, Any]:
    """Read a file by the engine into an Arrow table."""
    import pyarrow  # noqa: F401

    import tidegate as tg

    tg.sql("SELECT 1").to_arrow()
    start = time.perf_counter()
    table = tg.scan(path).to_arrow()
    return {"kind": "arrow", "bytes": table.nbytes, "seconds": time.perf_counter() - start}


def reread(path: str) -> dict[str, Any]:
    """Read a file by PyArrow itself."""
    import pyarrow as pa

    start = time.perf_counter()
    with pa.OSFile(path) as file:
        table = pa.ipc.open_file(file).read_all()
    return {"kind": "reread", "bytes": table.nbytes, "seconds": time.perf_counter() - start}


def pandas(path: str, kind: str) -> dict[str, Any]:
    """Read a file by the engine into a pandas frame."""
    import tidegate as tg

    tg.sql("SELECT 1 AS a, 'x' AS b").to_pandas()
    rows = tg.scan(path)
    rows = rows.select("f0", "f1", "f2", "f3", "i0", "i1", "ts") if kind == "numbers" else rows.select("i1", "path", "agent")
    before = status("VmRSS")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as peak:  # noqa: PTH123
        peak.write("5")
    start = time.perf_counter()
    frame = rows.to_pandas()
    seconds = time.perf_counter() - start
    size = int(frame.memory_usage(index=False, deep=True).sum())
    return {"kind": kind, "bytes": size, "peak": status("VmHWM") - before, "seconds": seconds}


class Pivot:
    """Makes a row of a thousand counts of each client, from rows in the order of clients. The last client waits for more."""

    def __init__(self) -> None:
        self.waiting: Any = None

    def __call__(self, batch: Any) -> Any:
        """Return the rows of the clients that are whole."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        clients = batch.column(0).cast(pa.string())
        changes = pc.fill_null(pc.not_equal(clients.slice(1), clients.slice(0, len(clients) - 1)), True)
        group = np.concatenate([[0], np.cumsum(changes.to_numpy(zero_copy_only=False))])
        counts = np.zeros((SLICES, int(group[-1]) + 1))
        counts[batch.column(1).to_numpy(), group] = batch.column(2).to_numpy()
        if self.waiting is not None:
            client, row = self.waiting
            if client == clients[0].as_py():
                counts[:, 0] += row
            else:
                counts = np.concatenate([row[:, None], counts], axis=1)
        self.waiting = clients[-1].as_py(), counts[:, -1].copy()
        columns = [pa.array(np.ascontiguousarray(column)) for column in counts[:, :-1]]
        return pa.RecordBatch.from_arrays(columns, [f"slice{at}" for at in range(SLICES)])


def matrix(log: str, clients: str, out: str) -> dict[str, Any]:
    """Write how many requests each client made in each thousandth of the day."""
    import os

    import tidegate as tg

    wanted = f"SELECT client FROM '{clients}'"
    slice_ = f"CAST(date_part('epoch', ts) AS BIGINT) % 86400 * {SLICES} / 86400"
    counts = f"SELECT client, {slice_} AS slice, count(*) AS n FROM '{log}' WHERE client IN ({wanted}) GROUP BY 1, 2"
    # The last row is nobody's: it ends the last client.
    rows = tg.sql(f"SELECT * FROM ({counts}) UNION ALL SELECT NULL, 0, 0 ORDER BY client NULLS LAST", limit="512MB")
    schema = {f"slice{at}": float for at in range(SLICES)}
    start = time.perf_counter()
    values = rows.map_batches(Pivot(), schema=schema).to_numpy(out=out)
    seconds = time.perf_counter() - start
    peaks = {"peak": status("VmHWM"), "worker": max(status("VmHWM", pid) for pid in tg.worker_pids())}
    total = sum(float(values[at : at + 10_000].sum()) for at in range(0, len(values), 10_000))
    expected = tg.sql(f"SELECT sum(n) FROM ({counts})").collect().item()
    if total != expected:
        raise SystemExit(f"the matrix has {total} requests, the log {expected}")
    size = os.path.getsize(out)  # noqa: PTH202
    os.remove(out)  # noqa: PTH107
    return {"rows": len(values), "columns": SLICES, "bytes": size, "seconds": seconds, **peaks}


PROBES = {
    "import": an_import, "names": names, "cold": cold, "warm": warm, "write": write, "batches": batches, "arrow": arrow,
    "reread": reread, "pandas": pandas, "matrix": matrix,
}  # fmt: skip

if __name__ == "__main__":
    figures = PROBES[sys.argv[1]](*sys.argv[2:])
    import json

    sys.stdout.write(json.dumps(figures))
