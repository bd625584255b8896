"""Giving memory back: what is returned is what the kernel counts."""

from __future__ import annotations

import ctypes
import pickle
import subprocess
import sys

import pytest
from tidegate._memory_heap import read_heap
from tidegate._release import Released, release_memory

_JOB = """
import sys
from tidegate._memory_kernel import resident_now
from tidegate._release import release_memory
rows = [str(number) * 20 for number in range(400_000)]
keep = rows[::100_000]
full = resident_now()
del rows
released = release_memory()
print(full, released.before, released.after, int(released), len(keep))
"""


def test_it_returns_what_the_kernel_counts() -> None:
    done = subprocess.run([sys.executable, "-c", _JOB], capture_output=True, text=True, check=True)
    full, before, after, released, _ = map(int, done.stdout.split())
    assert released == before - after
    assert after < full - 40_000_000


def test_it_is_a_number_that_says_how() -> None:
    released = release_memory()
    assert isinstance(released, int)
    assert released == max(0, released.before - released.after)
    assert [step.name for step in released.steps if step.name != "pyarrow"] == ["gc.collect", "malloc_trim"]
    assert sum(step.released for step in released.steps) == released.before - released.after
    assert "released" in repr(released)
    again = pickle.loads(pickle.dumps(released))
    assert (again, again.before, again.steps) == (released, released.before, released.steps)


def test_it_is_never_below_zero() -> None:
    assert Released(1, 5) == 0


def test_freed_memory_of_the_c_library_goes_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    heap = read_heap()
    if heap.malloc_free is None:
        pytest.skip("this C library does not tell")
    pieces = [libc.malloc(50_000) for _ in range(1000)]
    for piece in pieces:
        ctypes.memset(piece, 1, 50_000)
    for piece in pieces[:-1]:
        libc.free(piece)
    kept = read_heap().malloc_free
    assert kept is not None and kept > 45_000_000
    released = release_memory()
    libc.free(pieces[-1])
    assert released > 40_000_000


def test_the_last_error_is_forgotten_if_asked_for() -> None:
    code = (
        "import sys\n"
        "from tidegate._release import release_memory\n"
        "sys.last_value = ValueError('x')\n"
        "had = hasattr(sys, 'last_value')\n"
        "print(had, release_memory(last_error=True).steps[0].detail, hasattr(sys, 'last_value'))\n"
        "print(release_memory(last_error=True).steps[0].detail)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "ValueError", "False", "none"]
