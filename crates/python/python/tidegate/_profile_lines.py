"""Memory by line of one function: which line's memory it is that grew.

*Model.* Whenever a line of the function begins, resident memory is read, and the change since the last reading belongs
to the line that was running until then. Readings are at least 0.2 ms apart, so that loops of short lines stay cheap;
what such lines took together goes to the one that was running when it was read. The highest sample that was taken while
a line was running is its peak.

On Python 3.12 and later ``sys.monitoring`` tells of the lines of this function alone, and nothing else is slowed down.
A line that has begun ten thousand times, and is short, is not told of any more: what it takes counts for the line told
of before it. Before 3.12, ``sys.settrace`` has to be asked for every function that this one calls whether its lines are
wanted; they are not.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from ._memory_kernel import resident_now

_PAUSE = 0.0002
_OFTEN = 10_000
_SHORT = 0.00005


@dataclass
class LineUse:
    """What one line did.

    Attributes
    ----------
    line : int
        Its number in the file.
    hits : int
        How often it began; of a short line, at most ten thousand are counted on Python 3.12 and later.
    change : int
        By how many bytes resident memory rose while it ran, in all; negative if it fell.
    peak : int
        The highest resident memory in bytes that was seen while it ran; 0 if none was.
    seconds : float
        How long it ran.
    """

    line: int
    hits: int = 0
    change: int = 0
    peak: int = 0
    seconds: float = 0.0


class LineRecorder:
    """The lines of one call."""

    def __init__(self) -> None:
        self.lines: dict[int, LineUse] = {}
        self._current: LineUse | None = None
        self._read_at = self._began_at = time.perf_counter()
        self._rss = resident_now()

    def begin(self, line: int) -> bool:
        """Note that a line begins, and return whether it is worth to be told of it again."""
        now = time.perf_counter()
        self._settle(now, read=now - self._read_at >= _PAUSE)
        use = self.lines.get(line)
        if use is None:
            use = self.lines[line] = LineUse(line)
        use.hits += 1
        self._current = use
        return use.hits < _OFTEN or use.seconds > use.hits * _SHORT

    def end(self) -> None:
        """Note that the call ends."""
        self._settle(time.perf_counter(), read=True)
        self._current = None

    def see(self, rss: int) -> None:
        """Note a sample of resident memory in bytes, from any thread."""
        use = self._current
        if use is not None and rss > use.peak:
            use.peak = rss

    def _settle(self, now: float, *, read: bool) -> None:
        """Give what happened since the last time to the line that was running."""
        use = self._current
        if use is not None:
            use.seconds += now - self._began_at
        self._began_at = now
        if not read:
            return
        rss = resident_now()
        if use is not None:
            use.change += rss - self._rss
            use.peak = max(use.peak, rss, self._rss)
        self._rss, self._read_at = rss, now


_running: dict[tuple[CodeType, int], list[LineRecorder]] = {}
"""The calls that are recorded, by code and thread; of a function that calls itself, the innermost last."""

_lock = threading.Lock()


def can_record() -> bool:
    """Return whether lines can be recorded now. A debugger, or a measurement of coverage, may have what it takes."""
    if sys.version_info >= (3, 12):
        return _monitoring() is not None
    return sys.gettrace() is None


def record_lines(code: CodeType) -> LineRecorder:
    """Begin to record the lines of a function in this thread, and return the recorder."""
    recorder = LineRecorder()
    with _lock:
        calls = _running.setdefault((code, threading.get_ident()), [])
        calls.append(recorder)
        first = sum(len(more) for (other, _), more in _running.items() if other is code) == 1
    if sys.version_info >= (3, 12):
        if first:
            _watch_code(code, on=True)
    elif len(calls) == 1:
        sys.settrace(_tracer(code))
    return recorder


def stop_lines(code: CodeType, recorder: LineRecorder) -> None:
    """End what :func:`record_lines` began, in the same thread."""
    recorder.end()
    key = (code, threading.get_ident())
    with _lock:
        calls = _running.get(key, [])
        if recorder in calls:
            calls.remove(recorder)
        if not calls:
            _running.pop(key, None)
        last = not any(other is code for other, _ in _running)
    if sys.version_info >= (3, 12):
        if last:
            _watch_code(code, on=False)
    elif not calls:
        sys.settrace(None)


def _begin(code: CodeType, line: int) -> bool:
    """Tell the recorder of this thread's call that a line begins, and return whether to do so again."""
    calls = _running.get((code, threading.get_ident()))
    return calls[-1].begin(line) if calls else True


def _line_event(code: CodeType, line: int) -> object:
    """Answer ``sys.monitoring``: lines that are told of no more are so for all threads."""
    if _begin(code, line) or sys.version_info < (3, 12):
        return None
    _disabled.add(code)
    return sys.monitoring.DISABLE


_disabled: set[CodeType] = set()
"""The functions that have lines which are told of no more."""


def _tracer(code: CodeType) -> Any:
    """Return a function for ``sys.settrace`` that is told of the lines of one function alone."""

    def within(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            _begin(code, frame.f_lineno)
        return within

    def every_call(frame: FrameType, _event: str, _: Any) -> Any:
        return within if frame.f_code is code else None

    return every_call


_tool: list[int] = []


def _monitoring() -> int | None:
    """Return our number as a tool of ``sys.monitoring``, or None if all are taken."""
    if sys.version_info < (3, 12):
        return None
    monitoring = sys.monitoring
    with _lock:
        if _tool and monitoring.get_tool(_tool[0]) == "tidegate":
            return _tool[0]
        _tool.clear()
        for number in (3, 4, monitoring.PROFILER_ID):
            if monitoring.get_tool(number) is None:
                monitoring.use_tool_id(number, "tidegate")
                monitoring.register_callback(number, monitoring.events.LINE, _line_event)
                _tool.append(number)
                return number
    return None


def _watch_code(code: CodeType, *, on: bool) -> None:
    """Be told, or not any more, of the lines of a function."""
    number = _monitoring()
    if number is not None and sys.version_info >= (3, 12):
        sys.monitoring.set_local_events(number, code, sys.monitoring.events.LINE if on else 0)
        if code in _disabled:
            _disabled.discard(code)
            sys.monitoring.restart_events()
