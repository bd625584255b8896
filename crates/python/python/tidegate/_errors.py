"""The exceptions of Tidegate: what failed, the next step, and where in the SQL.

Every exception is a :class:`TidegateError`. Where Python has a built-in exception for the same thing, ours is that
one, too:
``except MemoryError`` catches a :class:`MemoryLimitError`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional


class Place(NamedTuple):
    """A place in the SQL, counted from 1."""

    line: int
    column: int


class TidegateError(Exception):
    """What Tidegate raises.

    Parameters
    ----------
    message : str
        What failed, in one line.
    help : str, optional
        The next step.
    place : Place, optional
        Where in the SQL.
    record : dict, optional
        The record of the run, as far as it came.

    Attributes
    ----------
    message, help, place, record
        As above.

    Examples
    --------
    >>> try:
    ...     tg.sql("SELECT 1 FRM t").collect()
    ... except tg.TidegateError as error:
    ...     print(type(error).__name__, error.place)
    QueryError Place(line=1, column=14)
    """

    def __init__(
        self,
        message: str = "",
        *,
        help: Optional[str] = None,
        place: Optional[Place] = None,
        record: Optional[dict[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.place = place
        self.record = record

    def __str__(self) -> str:
        """Return the message, and below it the next step."""
        lines = [self.message]
        if self.place is not None:
            lines[0] += f" (line {self.place.line}, column {self.place.column})"
        if self.help:
            lines.append(f"help: {self.help}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep all fields when the exception is sent to another process."""
        return _rebuild, (type(self), self.message, dict(self.__dict__))


class QueryError(TidegateError, ValueError):
    """The query cannot be understood: syntax, names, types. Look at ``place``; the same query fails again."""


class UsageError(TidegateError, ValueError):
    """What was asked for contradicts itself, or its limit is below what works."""


class InputError(TidegateError, OSError):
    """Input is missing, or cannot be read."""


class MemoryLimitError(TidegateError, MemoryError):
    """More memory is needed than the limit. Raise the limit, or do what ``help`` says."""


class DiskError(TidegateError, OSError):
    """Disk is full, or the spill limit is reached, or what was spilled came back damaged."""


class RejectsError(TidegateError, ValueError):
    """More lines could not be read than ``max_rejects`` allows."""


class CancelledError(TidegateError):
    """The query was cancelled."""


class RunError(TidegateError, RuntimeError):
    """The query failed while it ran."""


class MissingPackageError(TidegateError, ImportError):
    """A package is needed that is not installed; ``help`` names it."""


class WorkerLost(TidegateError, RuntimeError):  # noqa: N818 - an event, as in `ConnectionReset`
    """The worker ended although nobody had asked for it: killed, crashed, or gone. The next query gets another one.

    Attributes
    ----------
    pid : int or None
        The process that is gone.
    progress : Progress or None
        The last that it said of itself: ``progress.resident`` is what it held, in bytes.
    """

    def __init__(self, message: str = "", *, pid: Optional[int] = None, progress: Any = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.pid = pid
        self.progress = progress


def _rebuild(kind: type[TidegateError], message: str, fields: dict[str, Any]) -> TidegateError:
    """Return the exception that was sent from another process."""
    error = kind(message)
    error.__dict__.update(fields)
    return error
