"""``tg.MemoryManager``: memory against a limit, who is told when it gets tight, what must go before a task fits.

*Model.* ``used`` is the resident memory of this process, as the kernel counts it. The level of pressure is a pure
function of ``used / limit`` and of the level before: calm below 70 %, rising from there, high from 85 %, critical from
97 %. A level ends 3 % below where it begins, so that nobody is told twice of one that is at the border.

*Concurrency.* A thread watches while anybody has asked to be told, and calls back. Other methods may be called from any
thread.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Literal, TypeVar, Union

from ._memory_heap import read_heap
from ._memory_holders import Holder, find_holders
from ._memory_kernel import resident_now
from ._memory_limits import read_limits
from ._memory_sizes import Size, format_size, parse_limit, parse_size
from ._release import Released, release_memory

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ._limit import MemoryLimit

Level = Literal["calm", "rising", "high", "critical"]
LEVELS: tuple[Level, ...] = ("calm", "rising", "high", "critical")
_BEGINS: dict[Level, float] = {"calm": 0.0, "rising": 0.70, "high": 0.85, "critical": 0.97}
_FALLS = 0.03

Task = Union[Size, "os.PathLike[str]", Any]
_log = logging.getLogger("tidegate")


@dataclass(frozen=True)
class Pressure:
    """A change of the level of pressure.

    Attributes
    ----------
    level, previous : {"calm", "rising", "high", "critical"}
        The level now and before.
    used, limit : int
        Resident memory and the limit, in bytes.
    """

    level: Level
    previous: Level
    used: int
    limit: int

    @property
    def share(self) -> float:
        """What part of the limit is used; above 1 if it is passed."""
        return self.used / self.limit

    @property
    def rises(self) -> bool:
        """Whether it gets tighter."""
        return LEVELS.index(self.level) > LEVELS.index(self.previous)


_Callback = TypeVar("_Callback", bound=Callable[[Pressure], object])


def level_of(used: int, limit: int, previous: Level = "calm") -> Level:
    """Return the level of pressure.

    Parameters
    ----------
    used, limit : int
        Bytes.
    previous : str, optional
        The level before.

    Examples
    --------
    >>> level_of(69, 100), level_of(70, 100), level_of(97, 100)
    ('calm', 'rising', 'critical')
    >>> level_of(68, 100, previous="rising")
    'rising'
    """
    share = used / limit
    reached: Level = "calm"
    for level in LEVELS:
        falls = _FALLS if LEVELS.index(level) <= LEVELS.index(previous) else 0.0
        if share >= _BEGINS[level] - falls:
            reached = level
    return reached


@dataclass(frozen=True)
class ReleasePlan:
    """What must go before the next task fits. All sizes are in bytes.

    Attributes
    ----------
    needed : int
        What the task needs, with the margin.
    left : int
        What is left now, below the limit and below every limit that the kernel holds.
    reclaimable : int
        What the heaps keep free; giving that back costs nobody anything. It is an upper bound.
    drop : tuple of Holder
        The objects whose end would make enough room, as few as possible; the code that holds them has to drop them.
    source : str
        Where `needed` comes from.
    """

    needed: int
    left: int
    reclaimable: int
    drop: tuple[Holder, ...]
    source: str

    @property
    def must_free(self) -> int:
        """How much must be freed before the task fits; 0 if it fits."""
        return max(0, self.needed - self.left)

    @property
    def fits(self) -> bool:
        """Whether the task fits as things are."""
        return self.must_free == 0

    @property
    def possible(self) -> bool:
        """Whether it fits after free memory was given back and all of `drop` is gone."""
        return self.must_free <= self.reclaimable + sum(holder.size for holder in self.drop)

    def __str__(self) -> str:
        """Return it as text."""
        first = f"the next task needs {format_size(self.needed)} ({self.source}), {format_size(self.left)} are left"
        if self.fits:
            return f"{first}: it fits"
        lines = [f"{first}: {format_size(self.must_free)} must be freed"]
        if self.reclaimable:
            lines.append(f"  {format_size(self.reclaimable)} at most by `release_memory()`")
        lines += [f"  drop {holder}" for holder in self.drop]
        if not self.possible:
            lines.append("  that is not enough; work in chunks, or raise the limit")
        return "\n".join(lines)


class MemoryManager:
    """Keeps an eye on the memory of this process against a limit.

    Parameters
    ----------
    limit : str or int, optional
        ``"2GB"``, ``"512MiB"``, a number of bytes, or a share of what the machine or the cgroup allows.
    interval : float, optional
        Seconds between two looks while somebody has asked to be told.
    enforce : bool, optional
        Whether, within a ``with`` block, :class:`MemoryLimitError` is raised above the limit, as by
        :func:`tidegate.limit_memory`.

    Attributes
    ----------
    limit : int
        Bytes.

    Raises
    ------
    TypeError, ValueError
        If `limit` is no limit, or `interval` is not above zero.

    Examples
    --------
    >>> import tidegate as tg
    >>> with tg.MemoryManager(limit="100GB") as manager:
    ...     _ = manager.on_pressure(lambda pressure: print(pressure.level))
    ...     manager.level
    'calm'
    >>> manager.optimal_release("1kB").fits
    True
    """

    def __init__(self, limit: Size = "75%", *, interval: float = 0.05, enforce: bool = False) -> None:
        size = parse_limit(limit)
        if size is None:
            raise ValueError("a `MemoryManager` needs a limit; write it as 512MB, 2GiB or 75%")
        if isinstance(interval, bool) or not isinstance(interval, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`interval` must be a number of seconds, not {type(interval).__name__}")
        if interval <= 0:
            raise ValueError(f"`interval` is {interval}, and must be above zero seconds")
        self.limit = size
        self._interval = float(interval)
        self._enforce = enforce
        self._enforced: MemoryLimit | None = None
        self._callbacks: list[Callable[[Pressure], object]] = []
        self._level: Level = "calm"
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def used(self) -> int:
        """Resident memory of this process now, in bytes."""
        return resident_now()

    @property
    def left(self) -> int:
        """What may still be taken, in bytes: below this limit, and below every limit that the kernel holds."""
        return max(0, min([self.limit - resident_now(), *(reading.left for reading in read_limits())]))

    @property
    def level(self) -> Level:
        """How tight memory is now: ``"calm"``, ``"rising"``, ``"high"`` or ``"critical"``."""
        return level_of(resident_now(), self.limit, self._level)

    def release_memory(self) -> Released:
        """Give what is free back to the kernel, and return the bytes; see :func:`tidegate.release_memory`."""
        return release_memory()

    def optimal_release(self, next_task: Task, *, margin: float = 0.1) -> ReleasePlan:
        """Return what must be freed before the next task fits: what it needs, minus what is left.

        Parameters
        ----------
        next_task : str, int, path, query or frame
            What comes next: a number of bytes or a size (``"800MB"``); a query as text, or a lazy frame, which is
            forecast; a path, of which is forecast what pandas would need to read it. What a query needs is needed in
            its worker, which counts as if it were here.
        margin : float, optional
            What is added to the need, as a part of it.

        Returns
        -------
        ReleasePlan
            Nothing is freed yet. Its ``drop`` names the fewest objects whose end would make enough room.

        Raises
        ------
        TypeError, ValueError
            If `next_task` is nothing of that, or `margin` is negative.
        TidegateError
            If the forecast fails.

        Examples
        --------
        >>> import tidegate as tg
        >>> manager = tg.MemoryManager(limit="100GB")
        >>> plan = manager.optimal_release("200TB")
        >>> plan.fits, plan.must_free > 0
        (False, True)
        """
        if isinstance(margin, bool) or not isinstance(margin, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`margin` must be a number, not {type(margin).__name__}")
        if margin < 0:
            raise ValueError(f"`margin` is {margin}, and must not be negative")
        expected, source = forecast_bytes(next_task, limit=self.limit)
        needed, left = int(expected * (1.0 + margin)), self.left
        reclaimable = read_heap().malloc_free or 0
        missing = needed - left - reclaimable
        drop = _fewest([holder for holder in find_holders(top=100) if holder.names], missing) if missing > 0 else []
        return ReleasePlan(needed, left, reclaimable, tuple(drop), source)

    def on_pressure(self, callback: _Callback) -> _Callback:
        """Have a function called whenever the level of pressure changes, up or down.

        Parameters
        ----------
        callback : callable
            Called with a :class:`Pressure`, in a thread of its own. What it raises is logged, and does not end the
            watch.

        Returns
        -------
        callable
            The same, so that it can be a decorator.

        Raises
        ------
        TypeError
            If it cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"`callback` must be a function, not {type(callback).__name__}")
        self._callbacks.append(callback)
        self.start()
        return callback

    def remove_callback(self, callback: Callable[[Pressure], object]) -> None:
        """Do not call a function any more.

        Parameters
        ----------
        callback : callable
            The function that :meth:`on_pressure` was given.

        Raises
        ------
        ValueError
            If it was not to be called.
        """
        self._callbacks.remove(callback)

    def start(self) -> None:
        """Begin to watch. It need not be called: ``with`` does it, and so does :meth:`on_pressure`."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._stop.clear()
            self._thread = threading.Thread(target=self._watch, name="tidegate-manager", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the watch, and the limit if it is enforced. Doing it twice does no harm."""
        self._stop.set()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if self._enforced is not None:
            self._enforced.remove()
            self._enforced = None

    def _watch(self) -> None:
        """Look at memory until the end, and tell of changes."""
        while not self._stop.wait(self._interval):
            with suppress(OSError):  # where no file can be opened, a look is left out
                self.look()

    def look(self) -> Pressure | None:
        """Look at memory now, tell of a change of level, and return it; None if there was none.

        The watch does it by itself.
        """
        used = resident_now()
        level = level_of(used, self.limit, self._level)
        if level == self._level:
            return None
        change = Pressure(level, self._level, used, self.limit)
        self._level = level
        for callback in list(self._callbacks):
            try:
                callback(change)
            except Exception:  # noqa: BLE001 - code of somebody else's, in our thread
                _log.exception("a callback of `on_pressure` failed")
        return change

    def __enter__(self) -> Self:
        """Begin to watch, and to enforce the limit if that is asked for."""
        if self._enforce:
            from ._limit import limit_memory

            self._enforced = limit_memory(self.limit)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End both."""
        self.close()

    def __repr__(self) -> str:
        """Return it in one line."""
        used = resident_now()
        return f"<tidegate.MemoryManager {format_size(used)} of {format_size(self.limit)} used, {self.level}>"


def _fewest(holders: list[Holder], missing: int) -> list[Holder]:
    """Return the fewest holders that are large enough together; of one that is enough alone, the smallest.

    Mapped files make no room. If all are not enough, the largest five are returned.
    """
    rest = sorted((holder for holder in holders if not holder.mapped), key=lambda holder: -holder.size)
    chosen: list[Holder] = []
    while rest and missing > 0:
        enough = [holder for holder in rest if holder.size >= missing]
        pick = enough[-1] if enough else rest[0]
        chosen.append(pick)
        rest.remove(pick)
        missing -= pick.size
    return chosen if missing <= 0 else chosen[:5]


def forecast_bytes(task: Task, *, limit: int | None = None) -> tuple[int, str]:
    """Return how many bytes a task is expected to need, and where that comes from.

    Parameters
    ----------
    task : str, int, path, query or frame
        As in :meth:`MemoryManager.optimal_release`.
    limit : int, optional
        The limit in bytes that a query would have.

    Examples
    --------
    >>> forecast_bytes("2MB")
    (2000000, 'a size')
    """
    if isinstance(task, str):
        try:
            return parse_size(task), "a size"
        except ValueError:
            if os.path.exists(task):
                return _of_file(task)
            return _of_query(task, limit)
    if isinstance(task, os.PathLike):
        return _of_file(os.fspath(task))
    if isinstance(task, int) or hasattr(task, "__index__"):
        return parse_size(task, name="next_task"), "a size"
    forecast = getattr(task, "forecast", None)
    if callable(forecast):
        return _bytes_of(forecast()), "forecast of the frame"
    size = getattr(task, "nbytes", None)
    if isinstance(size, int):
        return size, "the size of an array"
    raise TypeError(
        f"`next_task` must be a size, a query, a path or a lazy frame, not {type(task).__name__}; "
        "write it as '800MB' if nothing else is known"
    )


def _of_query(text: str, limit: int | None) -> tuple[int, str]:
    """Return the forecast of a query."""
    words = text.split(None, 1)
    if not words or words[0].lstrip("(").upper() not in ("SELECT", "WITH", "VALUES", "FROM"):
        raise ValueError(f"`{text}` is neither a size, a query, nor a path that exists")
    from ._engine import forecast

    return _bytes_of(forecast(text, limit=limit)), "forecast of the query"


def _of_file(path: str) -> tuple[int, str]:
    """Return what pandas would need to read a file."""
    from ._engine import forecast_pandas

    return _bytes_of(forecast_pandas(path)), "forecast of reading it with pandas"


def _bytes_of(forecast: Any) -> int:
    """Return the upper end of a forecast in bytes."""
    for name in ("bound", "peak", "expected"):
        value = getattr(forecast, name, None)
        if isinstance(value, int):
            return value
    raise TypeError(f"a forecast of type {type(forecast).__name__} names no bytes")
