"""``with tg.monitor() as m:`` memory over time: before, at the peak, after.

*Model.* A thread samples resident and anonymous memory into a timeline that never grows: when it is full, each two
neighbours become one, the higher, and samples are taken half as often. So it covers the whole time, however long that
is, and keeps peaks.

*What a sample misses.* A thread of Python cannot look while another one is in C code that holds the interpreter. The
kernel's own peak does not miss anything: see :attr:`Monitor.exact`.

*Concurrency.* The sampling thread alone writes the timeline, under a lock that readers take, too.
"""

from __future__ import annotations

import html
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from ._memory_kernel import PeakWatch, sample
from ._memory_sizes import format_change, format_seconds, format_size
from ._memory_text import sparkline, svg_timeline

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


@dataclass(frozen=True)
class Sample:
    """Memory at one time.

    Attributes
    ----------
    seconds : float
        Since the start.
    rss : int
        Resident memory in bytes.
    anonymous : int
        Of it, what the process wrote, in bytes.
    """

    seconds: float
    rss: int
    anonymous: int


class Timeline:
    """Samples in bounded space: when it is full, each two become one, the higher.

    Parameters
    ----------
    capacity : int
        The most samples that are kept, at least 2.

    Examples
    --------
    >>> line = Timeline(4)
    >>> for second, rss in enumerate([1, 9, 2, 3, 4]):
    ...     line.add(Sample(second, rss, rss))
    >>> [sample.rss for sample in line.samples()]
    [9, 3, 4]
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._samples: list[Sample] = []
        self.every = 1

    def add(self, sample: Sample) -> None:
        """Add a sample that is later than all before it."""
        with self._lock:
            if len(self._samples) >= self._capacity:
                pairs = range(0, len(self._samples), 2)
                self._samples = [max(self._samples[at : at + 2], key=lambda one: one.rss) for at in pairs]
                self.every *= 2
            self._samples.append(sample)

    def samples(self) -> list[Sample]:
        """Return the samples, the earliest first."""
        with self._lock:
            return list(self._samples)


class Monitor:
    """Memory over time, within a ``with`` block. It is made by :func:`monitor`.

    Attributes
    ----------
    before, after : int
        Resident memory at the start and at the end, in bytes. Until the end, ``after`` is what it was at the last look.
    peak : int
        The highest between, in bytes.
    seconds : float
        How long it was.
    peak_line : str or None
        The line of Python at which the watched thread was when the highest sample was taken: ``"job.py:12"``.
    """

    def __init__(
        self, *, hz: float, capacity: int, exact: bool, on_sample: Callable[[Sample], object] | None = None
    ) -> None:
        self._interval = 1.0 / hz
        self._exact = exact
        self._timeline = Timeline(capacity)
        self._on_sample = on_sample
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = threading.get_ident()
        self._watch: PeakWatch | None = None
        self._start = 0.0
        self._highest = 0
        self._peak = 0
        self.before = 0
        self.after = 0
        self.seconds = 0.0
        self.peak_line: str | None = None

    def start(self) -> Monitor:
        """Begin. Whoever uses ``with`` need not call it."""
        if self._thread is not None:
            raise RuntimeError("this monitor was started before; make another one with `tg.monitor()`")
        self._watched = threading.get_ident()
        self._watch = PeakWatch(exact=self._exact)
        self._start = time.perf_counter()
        self.before = self._take().rss
        self._thread = threading.Thread(target=self._run, name="tidegate-monitor", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> Monitor:
        """End, and take a last sample. Doing it twice does no harm."""
        if self._thread is None or self._watch is None or self._stop.is_set():
            return self
        self._stop.set()
        self._thread.join()
        self.after = self._take().rss
        self._peak = self._watch.read()
        return self

    def _run(self) -> None:
        """Sample until the end."""
        while not self._stop.wait(self._interval * self._timeline.every):
            with suppress(OSError):  # where no file can be opened, a sample is missing
                self._take()

    def _take(self) -> Sample:
        """Take a sample."""
        rss, anonymous = sample()
        self.seconds = time.perf_counter() - self._start
        taken = Sample(self.seconds, rss, anonymous)
        self._timeline.add(taken)
        self.after = rss
        if self._watch is not None:
            self._watch.see(rss)
        if rss > self._highest:
            self._highest = rss
            if threading.get_ident() != self._watched:
                self.peak_line = line_of(self._watched)
        if self._on_sample is not None:
            self._on_sample(taken)
        return taken

    @property
    def peak(self) -> int:
        """The highest resident memory so far, in bytes."""
        if self._stop.is_set() or self._watch is None:
            return self._peak
        return self._watch.read()

    @property
    def exact(self) -> bool:
        """Whether the kernel vouches for ``peak``; otherwise it is the highest sample.

        It does where the process had never been so large before, and always with ``monitor(exact=True)``.
        """
        return self._watch is not None and self._watch.exact

    @property
    def growth(self) -> int:
        """How far the peak was above the start, in bytes."""
        return self.peak - self.before

    @property
    def kept(self) -> int:
        """How much more is resident at the end than at the start, in bytes; negative if it is less."""
        return self.after - self.before

    @property
    def samples(self) -> list[Sample]:
        """The timeline, the earliest sample first."""
        return self._timeline.samples()

    def sparkline(self, *, width: int = 40) -> str:
        """Return resident memory over time as a line of at most so many blocks.

        Parameters
        ----------
        width : int, optional
            The most blocks.
        """
        return sparkline([taken.rss for taken in self.samples], width=width)

    def __enter__(self) -> Self:
        """Begin."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self.stop()

    def __repr__(self) -> str:
        """Return it in one line."""
        about = "" if self.exact else "at least "
        return (
            f"memory {format_size(self.before)} -> peak {about}{format_size(self.peak)} -> {format_size(self.after)} "
            f"({format_change(self.kept)}) in {format_seconds(self.seconds)}  {self.sparkline(width=24)}"
        )

    def _repr_html_(self) -> str:
        """Return it as a chart for a notebook."""
        taken = self.samples
        chart = svg_timeline([one.seconds for one in taken], [one.rss for one in taken])
        return f"<div>{chart}<br><code>{html.escape(repr(self))}</code></div>"


def line_of(thread: int) -> str | None:
    """Return at which line of Python a thread is, outside of this package: ``"job.py:12"``."""
    from ._memory_names import is_own, of_library

    frame = sys._current_frames().get(thread)  # pyright: ignore[reportPrivateUsage] - there is no other way
    innermost = frame
    while frame is not None and (of_library(frame.f_code.co_filename) or is_own(frame.f_code.co_filename)):
        frame = frame.f_back
    frame = frame or innermost
    if frame is None:
        return None
    return f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno}"


def monitor(*, hz: float = 50.0, capacity: int = 4096, exact: bool = False) -> Monitor:
    """Return a context manager that records memory over time.

    Parameters
    ----------
    hz : float, optional
        How often to look in a second, from 0.1 to 1,000. A look takes some 10 µs.
    capacity : int, optional
        The most samples that are kept. When there are more, each two become one, the higher.
    exact : bool, optional
        Whether to set the kernel's own peak back at the start, so that ``peak`` is exact in any case. Tools outside of
        this process (``/usr/bin/time -v``, ``getrusage``) then do not see what was before.

    Returns
    -------
    Monitor
        Its ``before``, ``peak``, ``after`` are bytes; ``samples`` is the timeline.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number, or out of range.

    Examples
    --------
    >>> import tidegate as tg
    >>> with tg.monitor() as m:
    ...     kept = bytearray(50_000_000)
    >>> m.growth > 49_000_000
    True
    >>> m.peak >= m.after
    True
    """
    for name, value, least, most in (("hz", hz, 0.1, 1000.0), ("capacity", capacity, 2, 1 << 24)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`{name}` must be a number, not {type(value).__name__}")
        if not least <= value <= most:
            raise ValueError(f"`{name}` is {value}, and must be from {least:g} to {most:g}")
    return Monitor(hz=float(hz), capacity=int(capacity), exact=exact)
