"""Processes that run a function of the person, each watched for what it shows the kernel.

A process is started anew, not forked: it has none of this process's memory, threads and locks. Batches travel as Arrow
streams through pipes, and one is at work in each process at a time, so that order is kept without a queue.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from typing import Any, Callable, Optional

from . import _native
from ._errors import MemoryLimitError, TidegateError, WorkerLost

__all__ = ["RemoteTraceback", "Workers", "pickled"]

#: Seconds between two looks at what the processes show the kernel.
_LOOK = 0.02


class RemoteTraceback(Exception):  # noqa: N818 - shown as the cause of what the function raised
    """Where in its process a function raised an exception."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n\n{self.text}"


def pickled(function: Callable[[Any], Any]) -> bytes:
    """Return a function as bytes for another process; by ``cloudpickle``, if that is installed.

    Raises
    ------
    TypeError
        If it cannot be sent.
    """
    try:
        try:
            import cloudpickle  # pyright: ignore[reportMissingTypeStubs, reportMissingImports]
        except ImportError:
            return pickle.dumps(function)
        return bytes(cloudpickle.dumps(function))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    except Exception as error:
        raise TypeError(
            f"function: cannot be sent to another process ({error}); define it at the top of a module, "
            "install cloudpickle, "
            "or use workers=0"
        ) from None


class Workers:
    """Processes that run one function.

    Parameters
    ----------
    function : bytes
        What :func:`pickled` returned.
    as_ : str
        What the function takes.
    count : int
        How many processes.
    part : int, optional
        The most that each may show the kernel, in bytes.
    """

    def __init__(self, function: bytes, as_: str, count: int, part: Optional[int]) -> None:
        self._part = part
        self._over: dict[int, int] = {}
        self._stop = threading.Event()
        context = multiprocessing.get_context("spawn")
        self._all: list[tuple[Any, Any]] = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, function, as_), daemon=True)
            process.start()
            theirs.close()
            self._all.append((process, ours))
        self._idle = deque(self._all)
        self._busy: deque[tuple[Any, Any]] = deque()
        self._watch = threading.Thread(target=self._look, name="tidegate-watch", daemon=True)
        if part is not None:
            self._watch.start()

    def give(self, batch: _native.Table) -> Optional[_native.Table]:
        """Give a batch to a process; return what the oldest made of its, if one had to be waited for."""
        done = None if self._idle else self._take()
        worker = self._idle.popleft()
        try:
            worker[1].send_bytes(batch.to_ipc())
        except OSError:
            raise self._lost(worker[0]) from None
        self._busy.append(worker)
        return done

    def rest(self) -> Iterator[_native.Table]:
        """Yield what the processes still make, in order."""
        while self._busy:
            yield self._take()

    def _take(self) -> _native.Table:
        worker = self._busy.popleft()
        process, pipe = worker
        try:
            answer = pipe.recv_bytes()
        except (EOFError, OSError):
            raise self._lost(process) from None
        self._idle.append(worker)
        if answer[:1] == b"t":
            return _native.Table.of_ipc(answer[1:])
        error, text = pickle.loads(answer[1:])  # noqa: S301 - from our own process
        raise error from RemoteTraceback(text)

    def _look(self) -> None:
        """End processes that show the kernel more than their part."""
        while not self._stop.wait(_LOOK):
            for process, _ in self._all:
                pid = process.pid
                resident = None if pid is None else _native.process_resident(pid)
                if resident is not None and self._part is not None and resident > self._part:
                    self._over[pid] = resident
                    process.kill()

    def _lost(self, process: Any) -> TidegateError:
        process.join(5)
        pid = process.pid
        if pid in self._over:
            return MemoryLimitError(
                f"map_batches: process {pid} showed the kernel {self._over[pid]:,} bytes; "
                f"its part of the limit is {self._part:,}",
                help="raise the limit, or have fewer workers",
            )
        return WorkerLost(
            f"map_batches: process {pid} ended with exit code {process.exitcode} before its work was done", pid=pid
        )

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for process, pipe in self._all:
            pipe.close()
            if process in (worker[0] for worker in self._busy):
                process.kill()
        for process, _ in self._all:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()


def _work(pipe: Any, function: bytes, as_: str) -> None:
    """Run the function for each batch that comes, until none comes any more."""
    from ._udf import apply

    run: Optional[Callable[[Any], Any]] = None
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            batch = pipe.recv_bytes()
            try:
                if run is None:
                    run = pickle.loads(function)  # noqa: S301 - from our own process
                answer = b"t" + apply(run, _native.Table.of_ipc(batch), as_).to_ipc()
            except Exception as error:
                answer = b"e" + _packed(error)
            pipe.send_bytes(answer)


def _packed(error: Exception) -> bytes:
    """Return an exception and its traceback as bytes; one that cannot be sent by its text."""
    text = traceback.format_exc()
    try:
        packed = pickle.dumps((error, text))
        pickle.loads(packed)  # noqa: S301 - what was just made
    except Exception:
        return pickle.dumps((TidegateError(f"{type(error).__name__}: {error}"), text))
    return packed
