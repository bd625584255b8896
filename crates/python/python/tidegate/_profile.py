"""``@tg.profile``: memory before, at the peak and after of every call of a function, and by line.

Lines are those of the decorated function alone. What it calls counts for the line that calls it.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import sys
from collections import deque
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Callable, TypeVar, Union, cast, overload

from ._memory_sizes import format_change, format_seconds, format_size
from ._memory_text import table
from ._monitor import Monitor
from ._profile_lines import LineRecorder, LineUse, can_record, record_lines, stop_lines

_Function = TypeVar("_Function", bound=Callable[..., Any])
_KEPT = 1_000

Report = Union[bool, Callable[[str], object]]


@dataclass(frozen=True)
class CallProfile:
    """One call of a profiled function.

    Attributes
    ----------
    function : str
        Its qualified name.
    seconds : float
        How long it took.
    before, peak, after : int
        Resident memory in bytes when it began, at its highest, and when it ended.
    exact : bool
        Whether the kernel vouches for the peak; otherwise it is the highest sample.
    lines : tuple of LineUse
        By line, if lines were recorded.
    error : str or None
        The type of the exception that it ended with.
    """

    function: str
    seconds: float
    before: int
    peak: int
    after: int
    exact: bool
    lines: tuple[LineUse, ...]
    error: str | None

    def __str__(self) -> str:
        """Return it in one line."""
        about = "" if self.exact else "at least "
        failed = f", ended by {self.error}" if self.error else ""
        return (
            f"{self.function}: memory {format_size(self.before)} -> peak {about}{format_size(self.peak)} "
            f"(+{format_size(self.peak - self.before)}) -> {format_size(self.after)} "
            f"({format_change(self.after - self.before)}) in {format_seconds(self.seconds)}{failed}"
        )


@dataclass
class FunctionProfile:
    """All calls of a profiled function: the newest thousand, and how many there were.

    Attributes
    ----------
    function : str
        Its qualified name.
    file : str
        Where it is.
    count : int
        How often it was called.
    calls : deque of CallProfile
        The newest calls.
    """

    function: str
    file: str
    count: int = 0
    calls: deque[CallProfile] = field(default_factory=lambda: deque(maxlen=_KEPT))

    @property
    def worst(self) -> CallProfile | None:
        """The call whose peak was the farthest above its start."""
        return max(self.calls, key=lambda call: call.peak - call.before, default=None)

    def report(self, call: CallProfile | None = None) -> str:
        """Return a call as text, by line if lines were recorded.

        Parameters
        ----------
        call : CallProfile, optional
            By default the one that needed the most.
        """
        shown = call or self.worst
        if shown is None:
            return f"{self.function}: not called yet"
        text = [str(shown)]
        if shown.lines:
            rows = [
                (
                    str(use.line),
                    f"{use.hits:,}",
                    format_change(use.change),
                    format_size(use.peak) if use.peak else "",
                    format_seconds(use.seconds),
                    "  " + linecache.getline(self.file, use.line).rstrip(),
                )
                for use in shown.lines
            ]
            text.append(_with_code(rows))
        return "\n".join(text)


def _with_code(rows: list[tuple[str, ...]]) -> str:
    """Return lines as a table, their code at the end and not padded."""
    header = ("line", "hits", "change", "peak", "time")
    numbers = table(header, [row[:5] for row in rows], left=0).splitlines()
    return "\n".join(f"{number}{code}".rstrip() for number, code in zip(numbers, ["", *(row[5] for row in rows)]))


@overload
def profile(function: _Function, /) -> _Function: ...


@overload
def profile(
    function: None = None, /, *, lines: bool = True, hz: float = 200.0, exact: bool = False, report: Report = True
) -> Callable[[_Function], _Function]: ...


def profile(
    function: Callable[..., Any] | None = None,
    /,
    *,
    lines: bool = True,
    hz: float = 200.0,
    exact: bool = False,
    report: Report = True,
) -> Any:
    """Decorate a function, so that each call tells its memory before, at the peak and after.

    Parameters
    ----------
    function : callable, optional
        A function, or one made by ``async def``.
    lines : bool, optional
        Whether to tell it by line as well. Where a debugger or a measurement of coverage is at work, lines may be left
        out.
    hz : float, optional
        How often to look in a second while the function runs.
    exact : bool, optional
        Whether to set the kernel's own peak back at each call; see :func:`tidegate.monitor`.
    report : bool or callable, optional
        What is done with the text after each call: True writes it to the standard error, False does nothing, a function
        is called with it. ``function.memory.report()`` returns it in any case.

    Returns
    -------
    callable
        The function. Its attribute ``memory`` is a :class:`FunctionProfile`.

    Raises
    ------
    TypeError
        If it is no function, or a generator, which does its work elsewhere.

    Examples
    --------
    >>> import tidegate as tg
    >>> @tg.profile(report=False)
    ... def load():
    ...     return len(bytearray(30_000_000))
    >>> load()
    30000000
    >>> load.memory.worst.peak >= load.memory.worst.before
    True
    """
    if function is None:
        return functools.partial(profile_function, lines=lines, hz=hz, exact=exact, report=report)
    return profile_function(function, lines=lines, hz=hz, exact=exact, report=report)


def profile_function(function: _Function, *, lines: bool, hz: float, exact: bool, report: Report) -> _Function:
    """Return a function that profiles each of its calls."""
    if not callable(function):
        raise TypeError(f"`tg.profile` decorates functions, not {type(function).__name__}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"`tg.profile` cannot profile the generator {function.__qualname__}; profile who reads it")
    code: CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
    name = getattr(function, "__qualname__", type(function).__name__)
    found = FunctionProfile(name, code.co_filename if code is not None else "")

    def call() -> _Call:
        return _Call(found, code if lines else None, hz=hz, exact=exact, report=report)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def profiled_async(*args: Any, **kwargs: Any) -> Any:
            with call():
                return await function(*args, **kwargs)

        profiled_async.memory = found  # type: ignore[attr-defined]
        return cast("_Function", profiled_async)

    @functools.wraps(function)
    def profiled(*args: Any, **kwargs: Any) -> Any:
        with call():
            return function(*args, **kwargs)

    profiled.memory = found  # type: ignore[attr-defined]
    return cast("_Function", profiled)


class _Call:
    """One call, from its begin to its end."""

    def __init__(
        self, found: FunctionProfile, code: CodeType | None, *, hz: float, exact: bool, report: Report
    ) -> None:
        self._found = found
        self._code = code if code is not None and can_record() else None
        self._report = report
        self._recorder: LineRecorder | None = None
        self._monitor = Monitor(hz=hz, capacity=1024, exact=exact, on_sample=lambda taken: self._see(taken.rss))

    def _see(self, rss: int) -> None:
        """Hand a sample to the line that is running."""
        if self._recorder is not None:
            self._recorder.see(rss)

    def __enter__(self) -> None:
        self._monitor.start()
        if self._code is not None:
            self._recorder = record_lines(self._code)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._recorder is not None and self._code is not None:
            stop_lines(self._code, self._recorder)
        watched = self._monitor.stop()
        lines = () if self._recorder is None else tuple(sorted(self._recorder.lines.values(), key=lambda use: use.line))
        ended = CallProfile(
            function=self._found.function,
            seconds=watched.seconds,
            before=watched.before,
            peak=watched.peak,
            after=watched.after,
            exact=watched.exact,
            lines=lines,
            error=kind.__name__ if kind is not None else None,
        )
        self._found.count += 1
        self._found.calls.append(ended)
        if self._report is True:
            sys.stderr.write(self._found.report(ended) + "\n")
        elif self._report is not False:
            self._report(self._found.report(ended))
