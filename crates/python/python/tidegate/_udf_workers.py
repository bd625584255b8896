"""Processes that run a function of the person, each watched for what it shows the kernel.

A process is started anew, not forked: it has none of this process's memory, threads and locks. Batches travel as Arrow
streams through pipes, and one is at work in each process at a time, so that order is kept without a queue.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any, Callable, Optional

from . import _native
from ._errors import MemoryLimitError, TidegateError, WorkerLost
from ._result import Progress

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
    """Processes that run one function. They are started by ``with``, and gone after it.

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
        self._function = function
        self._as = as_
        self._count = count
        self._part = part
        self._resident: dict[int, int] = {}
        self._over: set[int] = set()
        self._stop = threading.Event()
        self._all: list[tuple[Any, Any]] = []
        self._idle: deque[tuple[Any, Any]] = deque()
        self._busy: deque[tuple[Any, Any]] = deque()

    def __enter__(self) -> Workers:
        try:
            for _ in range(self._count):
                self._start()
        except BaseException:
            self.__exit__()
            raise
        self._idle.extend(self._all)
        threading.Thread(target=self._look, name="tidegate-watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        busy = [process for process, _ in self._busy]
        for process, pipe in self._all:
            pipe.close()
            if process in busy:
                process.kill()
        for process, _ in self._all:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._function, self._as), daemon=True)
        # Its start lets Ctrl-C through again in the process that asks for it, so it comes before ours is blocked.
        resource_tracker.ensure_running()
        # Ctrl-C is for this process, which ends the others; theirs is blocked from their first moment on.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
            self._all.append((process, ours))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

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
        process, pipe = self._busy[0]
        try:
            answer = pipe.recv_bytes()
        except (EOFError, OSError):
            raise self._lost(process) from None
        # Not before: one that is interrupted here is at work.
        self._idle.append(self._busy.popleft())
        if answer[:1] == b"t":
            return _native.Table.of_ipc(answer[1:])
        error, text = pickle.loads(answer[1:])  # noqa: S301 - from our own process
        raise error from RemoteTraceback(text)

    def _look(self) -> None:
        """Remember what the processes show the kernel, and end those that show more than their part."""
        while not self._stop.wait(_LOOK):
            for process, _ in self._all:
                resident = _native.process_resident(process.pid)
                if not resident:
                    continue
                self._resident[process.pid] = resident
                if self._part is not None and resident > self._part:
                    self._over.add(process.pid)
                    process.kill()

    def _lost(self, process: Any) -> TidegateError:
        process.join(5)
        pid = process.pid
        resident = self._resident.get(pid, 0)
        if pid in self._over:
            return MemoryLimitError(
                f"map_batches: process {pid} showed the kernel {resident:,} bytes; "
                f"its part of the limit is {self._part:,}",
                help="raise the limit, or have fewer workers",
            )
        return WorkerLost(
            f"map_batches: process {pid} ended with exit code {process.exitcode} before its work was done; "
            f"it last showed the kernel {resident:,} bytes",
            help="a script needs `if __name__ == '__main__':` around what it runs" if process.exitcode == 1 else None,
            pid=pid,
            progress=Progress(resident=resident),
        )


def _work(pipe: Any, function: bytes, as_: str) -> None:
    """Run the function for each batch that comes, until none comes any more."""
    from ._udf import apply

    threading.Thread(target=_end_with_parent, name="tidegate-parent", daemon=True).start()
    run: Any = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            batch = pipe.recv_bytes()
            try:
                if run is None:
                    run = pickle.loads(function)  # noqa: S301 - from our own process
                answer = b"t" + apply(run, _native.Table.of_ipc(batch), as_).to_ipc()
            except Exception as error:
                answer = b"e" + _packed(error)
            pipe.send_bytes(answer)


def _end_with_parent() -> None:
    """End this process with the one that started it, also in the middle of a function."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _packed(error: Exception) -> bytes:
    """Return an exception and its traceback as bytes; one that cannot be sent by its text."""
    text = traceback.format_exc()
    try:
        packed = pickle.dumps((error, text))
        pickle.loads(packed)  # noqa: S301 - what was just made
    except Exception:
        return pickle.dumps((TidegateError(f"{type(error).__name__}: {error}"), text))
    return packed
