"""``tg.release_memory()``: gives what is free back to the kernel, and says how much that was.

``del`` frees objects, but heaps keep their pages to use them again. What is returned is the difference that the kernel
counts, not what anybody believes to have freed.
"""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._memory_heap import malloc_trim, release_arrow
from ._memory_kernel import resident_now
from ._memory_sizes import format_seconds, format_size

if TYPE_CHECKING:
    from typing_extensions import Self

_LAST_ERROR = ("last_exc", "last_type", "last_value", "last_traceback")


@dataclass(frozen=True)
class ReleaseStep:
    """One step of giving memory back.

    Attributes
    ----------
    name : str
        What was done: ``"gc.collect"``, ``"pyarrow"``, ``"malloc_trim"``.
    released : int
        By how many bytes resident memory fell; negative if it rose meanwhile.
    detail : str
        What it found.
    """

    name: str
    released: int
    detail: str


class Released(int):
    """How many bytes went back to the kernel: a number, which also says how.

    It is the difference of resident memory before and after, and never below zero. Other threads may have taken or
    given memory meanwhile.

    Attributes
    ----------
    before, after : int
        Resident memory in bytes.
    steps : tuple of ReleaseStep
        What was done, in this order.
    seconds : float
        How long it took.
    """

    before: int
    after: int
    steps: tuple[ReleaseStep, ...]
    seconds: float

    def __new__(cls, before: int, after: int, steps: tuple[ReleaseStep, ...] = (), seconds: float = 0.0) -> Self:
        """Return the difference of `before` and `after`."""
        self = super().__new__(cls, max(0, before - after))
        self.before, self.after, self.steps, self.seconds = before, after, steps, seconds
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:  # type: ignore[override]
        """Return how it is built anew, as by pickle."""
        return self.before, self.after, self.steps, self.seconds

    def __repr__(self) -> str:
        """Return it in one line."""
        steps = ", ".join(f"{step.name} {format_size(step.released)} ({step.detail})" for step in self.steps)
        sizes = f"{format_size(self)}: {format_size(self.before)} -> {format_size(self.after)}"
        return f"released {sizes} in {format_seconds(self.seconds)}" + (f"; {steps}" if steps else "")

    __str__ = __repr__


def release_memory(*, workers: bool = False, last_error: bool = False) -> Released:
    """Give what is free back to the kernel.

    Collects cycles (``gc.collect``), has the pools of pyarrow give back what they keep, if it is loaded, and has the C
    library do the same (``malloc_trim``). Nothing that is in use is touched.

    Parameters
    ----------
    workers : bool, optional
        Whether to end the workers that wait for a query, too. What they held is in ``steps``, not in the sum: it was
        not in this process. The next query starts another one.
    last_error : bool, optional
        Whether to forget the last error that reached the prompt, too: its traceback keeps the variables of all
        functions that it went through. Then ``pdb.pm()`` has nothing to show.

    Returns
    -------
    Released
        The bytes by which resident memory fell, as the kernel counts; its ``steps`` say what each step gave.

    Notes
    -----
    It takes some tenths of a second in a process with many objects, and what is given back has to be got again: call it
    between tasks, not within loops. Polars gives back by itself, some seconds later.

    Examples
    --------
    >>> import tidegate as tg
    >>> released = tg.release_memory()
    >>> released >= 0
    True
    >>> [step.name for step in released.steps if step.name != "pyarrow"]
    ['gc.collect', 'malloc_trim']
    """
    start = time.perf_counter()
    before = now = resident_now()
    steps: list[ReleaseStep] = []

    def done(name: str, detail: str) -> None:
        nonlocal now
        last, now = now, resident_now()
        steps.append(ReleaseStep(name, last - now, detail))

    if last_error:
        done("last error", _forget_last_error())
    done("gc.collect", f"{gc.collect():,} objects in cycles")
    pools = release_arrow()
    if pools:
        done("pyarrow", ", ".join(pools))
    if malloc_trim():
        done("malloc_trim", "glibc")
    engine: Any = sys.modules.get("tidegate._engine")
    if workers and engine is not None and "tidegate._native" in sys.modules:
        done("workers", f"{format_size(engine.release_workers())} of other processes")
    return Released(before, now, tuple(steps), time.perf_counter() - start)


def release_free_pages() -> None:
    """Give back what is free without looking for cycles: some milliseconds, and no code of anybody else runs."""
    release_arrow()
    malloc_trim()


def _forget_last_error() -> str:
    """Forget the last error that reached the prompt, and return which it was."""
    error = getattr(sys, "last_value", None)
    for name in _LAST_ERROR:
        if hasattr(sys, name):
            delattr(sys, name)
    shell: Any = sys.modules.get("IPython")
    if shell is not None and shell.get_ipython() is not None:
        shell.get_ipython().InteractiveTB.tb = None
    return type(error).__name__ if error is not None else "none"
