"""What the plugin of pytest measures: how far memory grows in a test, and what a test keeps."""

from __future__ import annotations

import linecache
import sys
import threading
from typing import Any

from ._memory_holders import Holder, find_holders
from ._memory_kernel import resident_now
from ._memory_sizes import format_change, format_size
from ._monitor import Monitor, Sample
from ._release import release_memory

_WARM_IN_A_ROW = 3
_LOOKS = 8


class GrowthWatch:
    """Watches how far memory grows, and who holds it when it passes the limit.

    Parameters
    ----------
    limit : int
        Bytes by which resident memory may grow.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._holders: list[Holder] = []
        self._looked_at = 0
        self._looks = 0
        self._tester = threading.get_ident()
        release_memory()
        self._monitor = Monitor(hz=200.0, capacity=2048, exact=True, on_sample=self._look)
        self._monitor.start()

    def _look(self, sample: Sample) -> None:
        """Look who holds memory when the limit is passed, and again when it is a quarter more."""
        growth = sample.rss - self._monitor.before
        if growth <= self._limit or threading.get_ident() == self._tester:
            return
        nameless = bool(self._holders) and not self._holders[0].names and self._looks < _LOOKS
        if nameless or growth > self._looked_at * 5 // 4:
            self._looked_at = max(growth, self._looked_at)
            self._looks += 1
            self._holders = [holder for holder in find_holders(top=5) if holder.size >= self._limit // 50]

    def stop(self) -> None:
        """End, once."""
        self._monitor.stop()

    @property
    def growth(self) -> int:
        """How far resident memory was above its start at the peak, in bytes."""
        return self._monitor.growth

    def message(self) -> str | None:
        """Return what is wrong, or None if the limit was held."""
        monitor = self._monitor
        if self.growth <= self._limit:
            return None
        about = "" if monitor.exact else "at least "
        lines = [
            f"memory grew by {about}{format_size(self.growth)}, {format_size(self._limit)} are allowed",
            f"  {monitor!r}",
        ]
        if monitor.peak_line is not None:
            lines.append(f"  highest sample at {monitor.peak_line}")
        if self._holders:
            lines.append("  the largest holders when the limit was passed:")
            lines += [f"    {holder}" for holder in self._holders]
        else:
            lines.append("  it came and went within one call, so that nobody was seen to hold it")
        return "\n".join(lines)


class LeakWatch:
    """Says how often a test is called: until it is warm, and then a number of times that are measured.

    It is warm when three calls in a row kept less than their part of the threshold.

    Parameters
    ----------
    threshold : int
        Bytes that all measured calls together may keep.
    repeats : int
        How many calls are measured.
    warmup : int
        The most calls before that.
    """

    def __init__(self, *, threshold: int, repeats: int, warmup: int) -> None:
        self._threshold = threshold
        self._repeats = repeats
        self._warmup = warmup
        self._calls = 0
        self._warm = 0
        self._measured: int | None = None
        self._start = 0
        self._last = resident_now()
        self._trace: _Trace | None = None
        self.kept = 0
        self._kept_each: list[int] = []

    def again(self) -> bool:
        """Return whether the test is to be called once more; called before each call, and after the last."""
        if self._measured is None:
            return self._warming()
        if self._trace is not None:
            return self._tracing()
        release_memory()
        now = resident_now()
        self._kept_each.append(now - self._last)
        self._last = now
        self._measured += 1
        if self._measured < self._repeats:
            return True
        self.kept = now - self._start
        if self.kept <= self._threshold:
            return False
        self._trace = _Trace.begin()
        return self._trace is not None

    def _warming(self) -> bool:
        """Decide whether the test is warm. One more call follows in any case."""
        if self._calls:
            release_memory()
            now = resident_now()
            steady = now - self._last <= self._threshold // self._repeats
            self._warm = self._warm + 1 if steady else 0
            self._last = now
        if self._calls and (self._warm >= _WARM_IN_A_ROW or self._calls >= self._warmup):
            self._measured, self._start = 0, self._last
        self._calls += 1
        if self._warmup == 0 and self._measured is None:
            release_memory()
            self._measured, self._start, self._last = 0, resident_now(), resident_now()
        return True

    def _tracing(self) -> bool:
        """Call the test a few times more to see which lines keep memory."""
        return self._trace is not None and self._trace.again()

    def message(self) -> str | None:
        """Return what is wrong, or None if nothing is kept."""
        if self.kept <= self._threshold:
            return None
        each = self.kept / self._repeats
        lines = [
            (
                f"the test keeps memory: {format_change(self.kept)} in {self._repeats} calls, "
                f"{format_size(each)} each; "
                f"{format_size(self._threshold)} are allowed (after {self._calls} calls to warm up)"
            ),
            "  by call: " + ", ".join(format_change(kept) for kept in self._kept_each[:20]),
        ]
        if self._trace is not None and self._trace.lines:
            lines.append("  kept by line, in three calls more:")
            lines += [f"    {line}" for line in self._trace.lines]
        holders = [holder for holder in find_holders(top=5) if holder.size >= self.kept // 50]
        if holders:
            lines.append("  the largest holders now:")
            lines += [f"    {holder}" for holder in holders]
        return "\n".join(lines)


class _Trace:
    """Which lines keep memory in three calls, by ``tracemalloc``."""

    def __init__(self, tracemalloc: Any) -> None:
        self._tracemalloc = tracemalloc
        self._left = 3
        tracemalloc.start(1)
        self._before = tracemalloc.take_snapshot()
        self.lines: list[str] = []

    @classmethod
    def begin(cls) -> _Trace | None:
        """Begin, unless somebody else is tracing."""
        import tracemalloc

        return None if tracemalloc.is_tracing() else cls(tracemalloc)

    def again(self) -> bool:
        """Return whether to call the test once more; after the last call, find the lines."""
        if self._left > 0:
            self._left -= 1
        if self._left > 0:
            return True
        if self._tracemalloc.is_tracing():
            self._end()
        return False

    def _end(self) -> None:
        """Find the lines that keep the most, outside of this package and of Python's own tracing."""
        after = self._tracemalloc.take_snapshot()
        self._tracemalloc.stop()
        own = sys.modules[__name__.rpartition(".")[0]].__path__[0] if "." in __name__ else ""
        for change in after.compare_to(self._before, "lineno"):
            frame = change.traceback[0]
            ours = (own and frame.filename.startswith(own)) or frame.filename == self._tracemalloc.__file__
            if change.size_diff <= 0 or ours or len(self.lines) >= 5:
                continue
            code = linecache.getline(frame.filename, frame.lineno).strip()
            where = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
            self.lines.append(f"{format_change(change.size_diff)} in {change.count_diff:,} blocks at {where}  {code}")
