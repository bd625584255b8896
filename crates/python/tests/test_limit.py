"""A limit for the process one is in: it is raised, where, and nothing of it stays."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest
from tidegate._errors import MemoryLimitError
from tidegate._limit import limit_memory
from tidegate._memory_kernel import resident_now
from tidegate._memory_limits import own_limits, read_limits
from tidegate._release import release_memory

ROOM = 60_000_000
SPINS = 100_000_000


@pytest.fixture(autouse=True)
def _clean() -> None:
    """Have nothing of an earlier test in the heap, where growth would find room."""
    release_memory()


def _grow(room: int = ROOM) -> None:
    """Take more than the room, and go on with lines of Python, so that there is a next one."""
    kept: list[bytearray] = []
    for _ in range(room // 1_000_000 + 20):
        kept.append(bytearray(1_000_000))  # a list without a name would be shown as such
    for _ in range(SPINS):
        pass
    del kept


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_raised_in_the_main_thread_and_names_who_holds() -> None:
    with pytest.raises(MemoryError) as caught, limit_memory(resident_now() + ROOM) as limit:
        _grow()
    assert isinstance(caught.value, MemoryLimitError)
    assert "kept[..] in _grow()" in str(caught.value)
    assert "help: drop" in str(caught.value)
    assert limit is not None
    assert limit.raised == 1
    assert not limit.active


def test_it_is_raised_in_the_thread_that_set_it() -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with limit_memory(resident_now() + ROOM):
                _grow()
        except BaseException as error:  # noqa: BLE001
            errors.append(error.with_traceback(None))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [type(error).__name__ for error in errors] == ["MemoryLimitError"]
    assert isinstance(errors[0], MemoryLimitError)
    assert "memory limit of" in str(errors[0])


def test_a_wait_of_the_main_thread_ends() -> None:
    code = """
        import threading, time
        from tidegate._limit import limit_memory
        kept = []
        with limit_memory("150MB"):
            threading.Thread(target=lambda: kept.append(bytearray(200_000_000)), daemon=True).start()
            try:
                time.sleep(600)
            except MemoryError:
                print("ended")
        """
    assert _run(code) == "ended\n"


def test_what_free_memory_can_do_is_done_before_an_error() -> None:
    code = """
        import ctypes
        from tidegate._limit import limit_memory
        from tidegate._memory_kernel import resident_now
        libc = ctypes.CDLL(None)
        libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
        pieces = [libc.malloc(50_000) for _ in range(4000)]
        for piece in pieces:
            libc.memset(piece, 1, 50_000)
        for piece in pieces[:-1]:
            libc.free(piece)
        full = resident_now()
        with limit_memory(full - 100_000_000) as limit:
            while resident_now() > limit.limit:
                pass
        print(full - resident_now() > 100_000_000, limit.raised)
        """
    assert _run(code) == "True 0\n"


def test_who_goes_on_growing_is_told_again() -> None:
    start = resident_now()
    kept: list[bytearray] = []
    told = 0
    with limit_memory(start + ROOM, release=False) as limit:
        for _ in range(2):
            try:
                kept.append(bytearray(ROOM + 20_000_000))
                for _ in range(SPINS):
                    pass
            except MemoryLimitError:
                told += 1
    assert told == 2
    assert limit is not None
    assert limit.raised == 2


def test_nothing_of_it_stays() -> None:
    before = [signal.getsignal(number) for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1)]
    threads = threading.active_count()
    limit = limit_memory("1TB", wall="data")
    assert limit is not None
    assert threading.active_count() == threads + 1
    assert any(reading.source == "tg.limit_memory" for reading in read_limits())
    limit.remove()
    limit.remove()
    assert [signal.getsignal(number) for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1)] == before
    assert threading.active_count() == threads
    assert not own_limits
    assert "removed" in repr(limit)


def test_none_removes_all() -> None:
    limits = [limit_memory("1TB"), limit_memory("2TB")]
    assert len(own_limits) == 2
    assert limit_memory(None) is None
    assert not own_limits
    assert [limit is not None and limit.active for limit in limits] == [False, False]


def test_a_limit_that_is_held_changes_nothing() -> None:
    with limit_memory("1TB") as limit:
        assert sum(range(100_000)) == 4_999_950_000
    assert limit is not None
    assert limit.raised == 0


def test_one_large_allocation_meets_the_wall() -> None:
    code = """
        import resource
        from tidegate._limit import limit_memory
        before = resource.getrlimit(resource.RLIMIT_DATA)
        with limit_memory("300MB", wall="data") as limit:
            while resource.getrlimit(resource.RLIMIT_DATA) == before:
                pass
            try:
                bytearray(2_000_000_000)
            except MemoryError as error:
                print(type(error).__name__)
        print(resource.getrlimit(resource.RLIMIT_DATA) == before, limit.raised)
        """
    assert _run(code) == "MemoryError\nTrue 0\n"


def test_a_forked_child_has_no_limit() -> None:
    code = """
        import os, resource, sys
        from tidegate._limit import limit_memory
        from tidegate._memory_limits import own_limits
        limit = limit_memory("150MB", wall="address-space")
        pid = os.fork()
        if pid == 0:
            kept = bytearray(200_000_000)
            limits = not own_limits and not limit.active
            fine = limits and resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
            os._exit(0 if fine else 1)
        print(os.waitpid(pid, 0)[1], limit.active)
        """
    assert _run(code) == "0 True\n"


def test_the_interpreter_ends_with_a_limit_set() -> None:
    code = """
        from tidegate._limit import limit_memory
        limit = limit_memory("10GB")
        print("done")
        """
    assert _run(code) == "done\n"


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"limit": 1.5}, TypeError, "limit"),
        ({"limit": "0"}, ValueError, "limit"),
        ({"limit": "none"}, ValueError, "limit"),
        ({"limit": "1GB", "interval": 0}, ValueError, "interval"),
        ({"limit": "1GB", "interval": "1"}, TypeError, "interval"),
        ({"limit": "1GB", "wall": "stack"}, ValueError, "wall"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=f"`{name}`"):
        limit_memory(**arguments)
    assert not own_limits


def test_address_space_is_not_what_is_resident() -> None:
    """Why a resource limit alone misleads: a process can have much of it, and use little."""
    code = """
        import mmap
        from tidegate._memory_kernel import read_resident
        before = read_resident()
        reserved = mmap.mmap(-1, 2_000_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        after = read_resident()
        print(after.virtual - before.virtual >= 2_000_000_000, after.rss - before.rss < 10_000_000)
        """
    assert _run(code) == "True True\n"
    assert resource.RLIMIT_AS is not None
    assert os.getpid() > 0
