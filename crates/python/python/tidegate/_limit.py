"""``tg.limit_memory()``: a limit for the process one is in, which ends in an exception rather than in a kill.

*Model.* A thread looks at resident memory every 20 ms. Where it is above the limit, free pages are given back; if that
is not enough, :class:`~tidegate.MemoryLimitError` is raised in the thread that set the limit, at its next line of
Python. A call into C that takes long is not interrupted: what it allocates meanwhile goes above the limit. That is why
the limit is soft.

*How it is raised.* In the main thread by a signal, which also ends waits (``time.sleep``, locks, sockets); a real-time
signal that nobody uses is taken, and given back. In other threads by ``PyThreadState_SetAsyncExc``, which waits until
the thread runs Python again.

*Concurrency.* The watching thread writes ``_pending``, the thread that is to raise takes it away; each is one operation
on a list or an attribute under the GIL. A limit is set and removed under one lock.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, overload

from ._errors import MemoryLimitError
from ._memory_kernel import read_resident, resident_now
from ._memory_limits import own_limits
from ._memory_sizes import Size, format_size, parse_limit

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from typing_extensions import Self

_AGAIN = 0.05
"""Whoever was told and goes on growing is told again when so large a part of the limit came on top."""

_RELEASE_PAUSE = 1.0
"""Seconds between two tries to give memory back, if the last one gave little."""

Wall = Literal["data", "address-space"]


class MemoryLimit:
    """A limit that holds until :meth:`remove`, or the end of a ``with`` block.

    It is made by :func:`limit_memory`.

    Attributes
    ----------
    limit : int
        Bytes of resident memory.
    raised : int
        How often an error was raised.
    highest : int
        The most resident memory that was seen, in bytes.
    """

    def __init__(self, limit: int, *, interval: float, release: bool, wall: Wall | None) -> None:
        self.limit = limit
        self.raised = 0
        self.highest = 0
        self._interval = interval
        self._release = release
        self._wall = _MovingWall(wall) if wall is not None else None
        self._target = threading.current_thread()
        self._stop = threading.Event()
        self._pending: list[int] = []
        self._waiting = False
        self._told_at: int | None = None
        self._released_at = -_RELEASE_PAUSE
        self._signal = _signals.take(self) if self._target is threading.main_thread() else None
        own_limits[id(self)] = limit
        _active.append(self)
        if self._wall is not None:
            self._wall.move(limit)
        self._thread = threading.Thread(target=self._watch, name="tidegate-limit", daemon=True)
        self._thread.start()

    @property
    def active(self) -> bool:
        """Whether the limit still holds."""
        return not self._stop.is_set()

    def remove(self) -> None:
        """Remove the limit: the thread ends, and signal and resource limit are as before.

        Doing it twice does no harm.
        """
        if self._stop.is_set():
            return
        _busy.append(self)
        self._stop.set()
        self._pending.clear()
        try:
            if self._thread is not threading.current_thread() and self._thread.is_alive():
                self._thread.join()
        finally:
            self._forget()
            _busy.remove(self)

    def end_in_child(self) -> None:
        """Take the limit off a forked child, in which its thread is not."""
        self._stop.set()
        self._forget()

    def _forget(self) -> None:
        """Undo what setting the limit did."""
        own_limits.pop(id(self), None)
        if self in _active:
            _active.remove(self)
        if self._wall is not None:
            self._wall.remove()
        if self._signal is not None:
            _signals.give_back(self)

    def __enter__(self) -> Self:
        """Return the limit, which holds already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the limit."""
        self.remove()

    def __repr__(self) -> str:
        """Return it in one line."""
        state = "active" if self.active else "removed"
        return f"<tidegate.MemoryLimit {format_size(self.limit)}, {state}, raised {self.raised} times>"

    def _watch(self) -> None:
        """Look at resident memory until the limit is removed."""
        while not self._stop.wait(self._interval):
            try:
                rss = resident_now()
            except OSError:  # no file can be opened now
                continue
            self.highest = max(self.highest, rss)
            if self._wall is not None:
                self._wall.move(self.limit)
            if rss <= self.limit:
                if rss < self.limit * (1 - _AGAIN):
                    self._told_at = None
                continue
            if self._waiting or _busy or not self._target.is_alive():
                continue
            if self._told_at is not None and rss < self._told_at + self.limit * _AGAIN:
                continue
            rss = self._give_back(rss)
            if rss > self.limit and not self._stop.is_set():
                self._told_at = rss
                self._raise(rss)

    def _give_back(self, rss: int) -> int:
        """Return what is resident after free memory went back; if that gave little, it is tried once a second."""
        now = time.monotonic()
        if not self._release or now - self._released_at < _RELEASE_PAUSE:
            return rss
        from ._release import release_free_pages, release_memory

        release_free_pages()
        after = resident_now()
        if after > self.limit:
            after = release_memory().after
        if rss - after < self.limit * _AGAIN:
            self._released_at = now
        return after

    def _raise(self, rss: int) -> None:
        """Have the thread that set the limit raise an error at its next line."""
        self.raised += 1
        self._waiting = True
        if self._signal is not None:
            self._pending.append(rss)
            signal.pthread_kill(threading.main_thread().ident or 0, self._signal)
        else:
            _raise_in(self._target, self, rss)

    def take(self) -> int | None:
        """Return what was resident when the limit was passed, if an error waits to be raised now, and take it away."""
        if not self._pending or not self.active:
            return None
        rss = self._pending.pop()
        if _busy:
            self.raised -= 1
            self._waiting = False  # the watch tells again
            return None
        return rss

    def message(self, rss: int) -> str:
        """Return what the error says: the limit, what is in use, and who holds the most.

        The thread that raises finds that out, and grows no more while it looks. Nobody is told meanwhile of what
        looking takes.

        Parameters
        ----------
        rss : int
            What was resident when the limit was passed, in bytes.
        """
        from ._memory_holders import find_holders

        _busy.append(self)
        try:
            holders = [f"\n  {holder}" for holder in find_holders(top=3) if holder.size >= self.limit // 100]
        finally:
            self._told_at = max(rss, resident_now())
            self._waiting = False
            _busy.remove(self)
        held = f"; the largest holders:{''.join(holders)}" if holders else ""
        return f"memory limit of {format_size(self.limit)} passed: {format_size(rss)} are resident{held}"


@overload
def limit_memory(limit: None) -> None: ...


@overload
def limit_memory(
    limit: Size, *, interval: float = 0.02, release: bool = True, wall: Wall | None = None
) -> MemoryLimit: ...


def limit_memory(
    limit: Size | None,
    *,
    interval: float = 0.02,
    release: bool = True,
    wall: Wall | None = None,
) -> MemoryLimit | None:
    """Limit the resident memory of this process; above it, :class:`MemoryLimitError` is raised at the next line.

    Parameters
    ----------
    limit : str or int or None
        ``"2GB"``, ``"512MiB"``, a number of bytes, or ``"75%"`` of what the machine or the cgroup allows. ``None``
        removes all limits that this function has set.
    interval : float, optional
        Seconds between two looks.
    release : bool, optional
        Whether to give free memory back before the error is raised.
    wall : {"data", "address-space"}, optional
        Whether to set a resource limit as well (``RLIMIT_DATA`` or ``RLIMIT_AS``), at what is mapped now and what the
        limit leaves; it is moved at every look. Then one large allocation that cannot fit fails by itself, with NumPy's
        ``MemoryError``. Code that does not expect an allocation to fail, in Rust and C++ mostly, ends the process then.

    Returns
    -------
    MemoryLimit or None
        A context manager, and ``.remove()`` ends it. None if limits were removed.

    Raises
    ------
    TypeError, ValueError
        If `limit` is no size, or `interval` is not above zero.
    MemoryLimitError
        Later, in the thread that called this function.

    Notes
    -----
    A resource limit alone misleads: ``RLIMIT_AS`` counts address space, also what was never touched, such as stacks of
    threads (8 MB each), files that are mapped, and what Arrow's allocator reserves (1 GiB at a time). A process of 685
    MB can have 1,681 MB of it.

    A forked child has no limit. Several limits may hold at a time; each raises by itself.

    Examples
    --------
    >>> import tidegate as tg
    >>> with tg.limit_memory("100GB") as limit:
    ...     limit.active
    True
    >>> limit.active
    False
    """
    size = parse_limit(limit)
    if size is None and limit is not None:
        raise ValueError("`limit` is 'none', and sets none; `tg.limit_memory(None)` removes all")
    if isinstance(interval, bool) or not isinstance(interval, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"`interval` must be a number of seconds, not {type(interval).__name__}")
    if interval <= 0:
        raise ValueError(f"`interval` is {interval}, and must be above zero seconds")
    if wall not in (None, "data", "address-space"):
        raise ValueError(f"`wall` is {wall!r}; it can be 'data' or 'address-space'")
    if size is None:
        for active in _active.copy():  # each takes itself out
            active.remove()
        return None
    with _lock:
        return MemoryLimit(size, interval=interval, release=release, wall=wall)


_active: list[MemoryLimit] = []

_busy: list[MemoryLimit] = []
"""Limits whose error is being made, and that are being removed. No limit raises anything in the middle of that."""

_lock = threading.Lock()


class _MovingWall:
    """A resource limit at what is mapped now, and what the memory limit still leaves."""

    def __init__(self, kind: Wall) -> None:
        self._which = resource.RLIMIT_DATA if kind == "data" else resource.RLIMIT_AS
        self._data = kind == "data"
        self._before = resource.getrlimit(self._which)

    def move(self, limit: int) -> None:
        """Set the resource limit anew. A limit that was there before is not raised."""
        now = read_resident()
        wanted = (now.data if self._data else now.virtual) + max(0, limit - now.rss)
        for bound in self._before:
            if bound != resource.RLIM_INFINITY:
                wanted = min(wanted, bound)
        resource.setrlimit(self._which, (wanted, self._before[1]))

    def remove(self) -> None:
        """Set the resource limit back."""
        resource.setrlimit(self._which, self._before)


class _Signals:
    """The one signal that all limits of the main thread share, while there are any."""

    def __init__(self) -> None:
        self._limits: list[MemoryLimit] = []
        self._number: int | None = None
        self._before: Any = None

    def take(self, limit: MemoryLimit) -> int | None:
        """Return the signal for a limit; None if there is none, as in an interpreter within another program."""
        if self._number is None:
            for number in range(signal.SIGRTMAX - 1, signal.SIGRTMIN, -1):
                if signal.getsignal(number) is signal.SIG_DFL:
                    try:
                        self._before = signal.signal(number, self._handle)
                    except ValueError:
                        return None
                    self._number = number
                    break
        if self._number is not None:
            self._limits.append(limit)
        return self._number

    def give_back(self, limit: MemoryLimit) -> None:
        """Forget a limit; after the last one, the signal is as before.

        Other threads than the main one leave that to it.
        """
        if limit in self._limits:
            self._limits.remove(limit)
        if self._limits or self._number is None or threading.current_thread() is not threading.main_thread():
            return
        os.getppid()  # a signal that was sent just now is delivered at the end of a system call
        signal.signal(self._number, self._before)
        self._number = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Raise what waits to be raised.

        The error has no name here: it would hold this frame, which would hold the error.
        """
        for limit in list(self._limits):
            rss = limit.take()
            if rss is not None:
                raise MemoryLimitError(limit.message(rss), help=_HELP)


_signals = _Signals()


_HELP = (
    "drop what is not needed any more (`del`, then `tg.release_memory()`), work in chunks (`tg.DataProcessor`), "
    "or raise the limit"
)


def _raise_in(thread: threading.Thread, limit: MemoryLimit, rss: int) -> None:
    """Raise an error in a thread at its next line.

    Only a class can be handed over, so that it is one whose error says what :class:`MemoryLimitError` would.
    """

    def fill(self: MemoryLimitError, *message: str, **fields: Any) -> None:
        fields.setdefault("help", _HELP)
        MemoryLimitError.__init__(self, *(message or (limit.message(rss),)), **fields)

    names = {"__init__": fill, "__module__": MemoryLimitError.__module__, "__qualname__": MemoryLimitError.__qualname__}
    kind = type("MemoryLimitError", (MemoryLimitError,), names)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(kind))


def _forget_in_child() -> None:
    """Take all limits off a forked child: the thread that watches is not in it."""
    for limit in _active.copy():  # each takes itself out
        limit.end_in_child()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_in_child)
