"""The heaps inside this process: the C library's, Python's, Arrow's; asked without loading what is not loaded.

*Model.* Small Python objects (512 bytes and less) are in arenas of Python's own, larger ones and NumPy's buffers in the
heap of the C library, Arrow's buffers in a pool of Arrow's. Each of them keeps what was freed, to use it again. The
kernel counts what was ever touched and not given back.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from dataclasses import dataclass
from typing import Any, Callable


@dataclass(frozen=True)
class PythonHeap:
    """What Python and the C library hold, in bytes; None where that cannot be known.

    Attributes
    ----------
    blocks : int
        How many small blocks Python's allocator has given out; each is 512 bytes at most.
    malloc_used : int or None
        What the C library has given out and not got back, small and large.
    malloc_mapped : int or None
        Of it, what is in mappings of its own; those go back to the kernel when they are freed.
    malloc_free : int or None
        What the C library keeps to use it again. Most of it is resident, and :func:`tidegate.release_memory` gives it
        back.
    traced : int or None
        What ``tracemalloc`` counts now, if it is on.
    traced_peak : int or None
        The most that it has counted.
    """

    blocks: int
    malloc_used: int | None
    malloc_mapped: int | None
    malloc_free: int | None
    traced: int | None
    traced_peak: int | None


@dataclass(frozen=True)
class ArrowPool:
    """One memory pool of Arrow, in bytes.

    Attributes
    ----------
    library : str
        Whose pool it is: ``"pyarrow"``.
    backend : str
        Its allocator: ``"mimalloc"``, ``"jemalloc"``, ``"system"``.
    allocated : int
        What is in use.
    peak : int
        The most that was in use at a time.
    """

    library: str
    backend: str
    allocated: int
    peak: int


class _MallInfo2(ctypes.Structure):
    """``struct mallinfo2`` of glibc 2.33 and later."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


@functools.cache
def _library() -> ctypes.CDLL | None:
    """Return the C library that this process runs with."""
    try:
        return ctypes.CDLL(None)
    except OSError:
        return None


def _mallinfo() -> _MallInfo2 | None:
    """Return what the C library says of its heap. musl and older glibc do not tell, or only up to 4 GiB."""
    function: Any = getattr(_library(), "mallinfo2", None)
    if function is None:
        return None
    function.restype = _MallInfo2
    function.argtypes = ()
    return function()


def read_heap() -> PythonHeap:
    """Return what Python and the C library hold.

    Examples
    --------
    >>> read_heap().blocks > 0
    True
    """
    info = _mallinfo()
    tracing = sys.modules.get("tracemalloc")
    traced: tuple[int, int] | None = None
    if tracing is not None and tracing.is_tracing():
        traced = tracing.get_traced_memory()
    return PythonHeap(
        blocks=sys.getallocatedblocks(),
        malloc_used=info and info.uordblks + info.hblkhd,
        malloc_mapped=info and info.hblkhd,
        malloc_free=info and info.fordblks,
        traced=traced and traced[0],
        traced_peak=traced and traced[1],
    )


def malloc_trim() -> bool:
    """Have the C library give free pages back, and return whether there is such a function.

    The GIL is not held meanwhile.
    """
    function: Any = getattr(_library(), "malloc_trim", None)
    if function is None:
        return False
    function.restype = ctypes.c_int
    function.argtypes = (ctypes.c_size_t,)
    function(0)
    return True


def _pools() -> list[Any]:
    """Return the pools of pyarrow, if pyarrow is loaded; the default one first."""
    pyarrow: Any = sys.modules.get("pyarrow")
    if pyarrow is None or not hasattr(pyarrow, "default_memory_pool"):
        return []
    pools = [pyarrow.default_memory_pool()]
    makers: dict[str, Callable[[], Any]] = {
        "system": pyarrow.system_memory_pool,
        "jemalloc": pyarrow.jemalloc_memory_pool,
        "mimalloc": pyarrow.mimalloc_memory_pool,
    }
    for backend in pyarrow.supported_memory_backends():
        if backend != pools[0].backend_name and backend in makers:
            pools.append(makers[backend]())
    return pools


def arrow_pools() -> list[ArrowPool]:
    """Return the pools of pyarrow that were ever used, if pyarrow is loaded. It is not loaded for this.

    Examples
    --------
    >>> all(pool.allocated <= pool.peak for pool in arrow_pools())
    True
    """
    found = [
        ArrowPool("pyarrow", pool.backend_name, int(pool.bytes_allocated()), int(pool.max_memory() or 0))
        for pool in _pools()
    ]
    return [pool for pool in found if pool.allocated or pool.peak]


def release_arrow() -> list[str]:
    """Have the pools of pyarrow that were ever used give free pages back, and return their allocators."""
    released: list[str] = []
    for pool in _pools():
        if pool.bytes_allocated() or pool.max_memory():
            pool.release_unused()
            released.append(str(pool.backend_name))
    return released
