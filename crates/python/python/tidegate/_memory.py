"""``tg.memory()``: where the memory of this process is, which limit holds, and what is left."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from ._memory_heap import ArrowPool, PythonHeap, arrow_pools, read_heap
from ._memory_holders import Holder, find_holders
from ._memory_kernel import Resident, read_pss, read_resident
from ._memory_limits import LimitReading, read_limits
from ._memory_sizes import format_size
from ._memory_text import bar, html_table, table


@dataclass(frozen=True)
class Worker:
    """A worker process of this one, in which queries run.

    Attributes
    ----------
    pid : int
        The process.
    rss, peak : int
        What is resident of it, and the most that was, in bytes.
    """

    pid: int
    rss: int
    peak: int


@dataclass(frozen=True, repr=False)
class Memory:
    """The memory of this process at one time. All sizes are in bytes.

    Attributes
    ----------
    resident : Resident
        What the kernel counts. Its fields can also be reached here: ``rss``, ``anonymous``, ``file``, ``shared``,
        ``peak``.
    pss : int or None
        What is resident, each page divided by the number of processes that share it.
    python : PythonHeap
        What Python and the C library hold, and what they keep free.
    arrow : tuple of ArrowPool
        The pools of pyarrow, if it is loaded.
    holders : tuple of Holder
        The objects that hold the most, the largest first; views and shared columns count once.
    workers : tuple of Worker
        The processes in which queries of this one run. What they hold is not in this one.
    limits : tuple of LimitReading
        Every limit that holds, the one that leaves the least first.
    seconds : float
        How long it took to find all this out.
    """

    resident: Resident
    pss: int | None
    python: PythonHeap
    arrow: tuple[ArrowPool, ...]
    holders: tuple[Holder, ...]
    workers: tuple[Worker, ...]
    limits: tuple[LimitReading, ...]
    seconds: float = field(compare=False)

    @property
    def rss(self) -> int:
        """All that is resident, in bytes."""
        return self.resident.rss

    @property
    def anonymous(self) -> int:
        """What the process wrote and is resident, in bytes: heaps and stacks."""
        return self.resident.anonymous

    @property
    def file(self) -> int:
        """Resident pages of files in bytes: programs, libraries, mapped files."""
        return self.resident.file

    @property
    def shared(self) -> int:
        """Resident shared memory in bytes."""
        return self.resident.shared

    @property
    def peak(self) -> int:
        """The most that was resident at a time, in bytes: what the kernel calls ``VmHWM``."""
        return self.resident.peak

    @property
    def rest(self) -> int | None:
        """What is anonymous, and neither of the C library's heap nor of Arrow's pools, in bytes; None if not known.

        Most of it is in Python's arenas for small objects. Stacks of threads and pools of libraries are in it as well.
        """
        if self.python.malloc_used is None or self.python.malloc_free is None:
            return None
        known = self.python.malloc_used + self.python.malloc_free + sum(pool.allocated for pool in self.arrow)
        return max(0, self.resident.anonymous - known)

    @property
    def limit(self) -> LimitReading | None:
        """The limit that applies: the one that leaves the least."""
        return self.limits[0] if self.limits else None

    @property
    def left(self) -> int | None:
        """What may still be taken until a limit is reached, in bytes."""
        return self.limits[0].left if self.limits else None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dictionaries and lists, as for JSON."""
        found = asdict(self)
        found["left"] = self.left
        return found

    def __repr__(self) -> str:
        """Return it as text of several lines."""
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        now = self.resident
        lines = [
            f"resident   {format_size(now.rss):>8}   peak {format_size(now.peak)}"
            + (f", shared pages divided {format_size(self.pss)}" if self.pss is not None else "")
            + (f", in swap {format_size(now.swapped)}" if now.swapped else ""),
            f"  anonymous{format_size(now.anonymous):>9}   file {format_size(now.file)}, shared "
            + format_size(now.shared),
        ]
        lines += [f"{name:<11}{value}" for name, value in self._heaps()]
        if self.workers:
            total, highest = sum(worker.rss for worker in self.workers), max(worker.peak for worker in self.workers)
            lines.append(
                f"workers    {format_size(total):>8}   {len(self.workers)} processes, peak {format_size(highest)}"
            )
        limit = self.limit
        if limit is not None:
            share = limit.used / limit.limit if limit.limit else 1.0
            lines.append(
                f"limit      {format_size(limit.limit):>8}   {limit.source}: {bar(share, width=12)} {share:.0%} used, "
                f"{format_size(limit.left)} left"
            )
        if self.holders:
            lines.append("holders")
            rows = [_row(holder) for holder in self.holders]
            lines += [
                "  " + line
                for line in table(("size", "name", "kind", "shape", "type or columns"), rows, left=5).splitlines()
            ]
        return lines

    def _heaps(self) -> list[tuple[str, str]]:
        """Return the heaps by name, each as text."""
        python, rows = self.python, []
        if python.malloc_used is not None and python.malloc_free is not None:
            rows.append(
                ("malloc", f"{format_size(python.malloc_used):>8}   {format_size(python.malloc_free)} kept free")
            )
        traced = "" if python.traced is None else f", traced {format_size(python.traced)}"
        rest = self.rest
        size = "" if rest is None else f"{format_size(rest):>8}   at most, "
        rows.append(("python", f"{size}{python.blocks:,} small blocks{traced}"))
        for pool in self.arrow:
            peak = format_size(pool.peak)
            rows.append(("arrow", f"{format_size(pool.allocated):>8}   peak {peak}, {pool.library} ({pool.backend})"))
        return rows

    def _repr_html_(self) -> str:
        """Return it as tables for a notebook."""
        now = self.resident
        parts = [
            ("resident", now.rss),
            ("anonymous", now.anonymous),
            ("file", now.file),
            ("shared", now.shared),
            ("peak", now.peak),
        ]
        rows = [(name, format_size(size)) for name, size in parts]
        rows += [(name, value.strip()) for name, value in self._heaps()]
        limit = self.limit
        if limit is not None:
            rows.append(("limit", f"{format_size(limit.limit)} ({limit.source})"))
            rows.append(("left", format_size(limit.left)))
        text = html_table(("memory", "size"), rows)
        if self.holders:
            header = ("size", "name", "kind", "shape", "type or columns")
            text += html_table(header, [_row(holder) for holder in self.holders], left=5, caption="holders")
        return f'<div title="{html.escape(repr(self))}">{text}</div>'


def _row(holder: Holder) -> tuple[str, ...]:
    """Return a holder as a row of the table."""
    columns = ", ".join(f"{column.name} {format_size(column.size)}" for column in holder.columns[:3])
    if len(holder.columns) > 3:
        columns += ", .."
    about = "~" if holder.estimated else ""
    name = ", ".join(holder.names[:2]) or "(no name)"
    kind = holder.kind + (" (mapped file)" if holder.mapped else "")
    shape = " x ".join(f"{length:,}" for length in holder.shape)
    return (f"{about}{format_size(holder.size)}", name, kind, shape, columns or holder.dtype)


def _workers() -> Iterator[Worker]:
    """Return the workers, if the engine is loaded. One that has ended meanwhile is none."""
    engine: Any = sys.modules.get("tidegate._engine")
    if engine is None or "tidegate._native" not in sys.modules:
        return
    for pid in engine.worker_pids():
        try:
            seen = read_resident(pid)
        except OSError:
            continue
        yield Worker(pid, seen.rss, seen.peak)


def memory(*, top: int = 10) -> Memory:
    """Return where the memory of this process is, which limit holds, and what is left.

    Parameters
    ----------
    top : int, optional
        How many of the largest objects to name. With 0 nothing is looked through, and the call takes well below a
        millisecond; otherwise it takes some tenths of a second where millions of objects live.

    Returns
    -------
    Memory
        It shows itself as text, and as tables in a notebook.

    Raises
    ------
    TypeError
        If `top` is no whole number.
    ValueError
        If it is negative.

    Notes
    -----
    Sizes of objects are what their buffers take, by address: a view, a slice or a column that is shared counts once.
    The sum of all holders is less than ``anonymous``, because libraries hold memory too, and heaps keep what was freed.

    Examples
    --------
    >>> import tidegate as tg
    >>> log = bytearray(20_000_000)
    >>> now = tg.memory()
    >>> now.peak >= now.rss > now.anonymous > 20_000_000
    True
    >>> any(holder.kind == "bytearray" for holder in now.holders)
    True
    """
    if isinstance(top, bool) or not isinstance(top, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"`top` must be a whole number, not {type(top).__name__}")
    if top < 0:
        raise ValueError(f"`top` is {top}, and a number of objects is not negative")
    start = time.perf_counter()
    resident = read_resident()
    return Memory(
        resident=resident,
        pss=read_pss() if top else None,
        python=read_heap(),
        arrow=tuple(arrow_pools()),
        holders=tuple(find_holders(top=top)) if top else (),
        workers=tuple(_workers()),
        limits=tuple(read_limits(resident)),
        seconds=time.perf_counter() - start,
    )
