"""What the kernel counts for this process: resident memory now and at its peak.

*Model.* ``rss`` is all pages of the process that are in memory. It is the sum of ``anonymous`` pages (heaps, stacks:
what the process wrote), ``file`` pages (programs, libraries, mapped files: the kernel can read them again) and
``shared`` pages (shared memory and tmpfs). ``peak`` is the most that ``rss`` has been: ``VmHWM``, "Maximum resident set
size" of ``/usr/bin/time -v``.

*Concurrency.* Readings are plain reads of ``/proc`` and need no lock. The peaks of :class:`PeakWatch` are kept under
one lock.
"""

from __future__ import annotations

import os
import threading
import weakref
from dataclasses import dataclass

PAGE: int = os.sysconf("SC_PAGE_SIZE")
"""Bytes in a page."""


@dataclass(frozen=True)
class Resident:
    """What the kernel counts for one process, in bytes.

    Attributes
    ----------
    rss : int
        All that is resident.
    anonymous : int
        Of it, what the process wrote: heaps and stacks.
    file : int
        Of it, pages of files: programs, libraries, mapped files.
    shared : int
        Of it, shared memory and tmpfs.
    peak : int
        The most that was resident at a time.
    swapped : int
        What is in swap.
    virtual : int
        Address space, most of which may never have been touched.
    data : int
        Address space that is private and can be written; ``RLIMIT_DATA`` counts it.
    """

    rss: int
    anonymous: int
    file: int
    shared: int
    peak: int
    swapped: int
    virtual: int
    data: int


def _read(path: str) -> bytes:
    """Return what a file of /proc says. They are small and whole in one read, or in a few."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = [os.read(descriptor, 1 << 16)]
        while parts[-1]:
            parts.append(os.read(descriptor, 1 << 16))
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _kib_fields(text: bytes) -> dict[bytes, int]:
    """Return the fields of a file of lines ``Name: 123 kB``, in bytes."""
    fields: dict[bytes, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(b":")
        words = value.split()
        if len(words) == 2 and words[1] == b"kB" and words[0].isdigit():
            fields[name] = int(words[0]) << 10
    return fields


def read_resident(pid: int | str = "self") -> Resident:
    """Return what the kernel counts for a process.

    Parameters
    ----------
    pid : int or str, optional
        The process; by default this one.

    Returns
    -------
    Resident

    Raises
    ------
    OSError
        If there is no such process, or no ``/proc``.

    Examples
    --------
    >>> now = read_resident()
    >>> now.peak >= now.rss >= now.anonymous > 0
    True
    """
    fields = _kib_fields(_read(f"/proc/{pid}/status"))
    rss = fields.get(b"VmRSS", 0)
    peak = max(fields.get(b"VmHWM", 0), rss)
    if pid == "self":
        peak = max(peak, _peaks.hidden)
    return Resident(
        rss=rss,
        anonymous=fields.get(b"RssAnon", 0),
        file=fields.get(b"RssFile", 0),
        shared=fields.get(b"RssShmem", 0),
        peak=peak,
        swapped=fields.get(b"VmSwap", 0),
        virtual=fields.get(b"VmSize", 0),
        data=fields.get(b"VmData", 0),
    )


def sample() -> tuple[int, int]:
    """Return what is resident now, and how much of it is anonymous, in bytes.

    This is the cheapest reading: some 5 µs.
    """
    descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fields = os.read(descriptor, 256).split()
    finally:
        os.close(descriptor)
    resident = int(fields[1])
    return resident * PAGE, (resident - int(fields[2])) * PAGE


def resident_now() -> int:
    """Return what is resident now, in bytes."""
    return sample()[0]


def peak_now() -> int:
    """Return the kernel's own peak, ``VmHWM``, in bytes: since the start, or since it was set back."""
    fields = _kib_fields(_read("/proc/self/status"))
    return max(fields.get(b"VmHWM", 0), fields.get(b"VmRSS", 0))


def read_pss() -> int | None:
    """Return the proportional size in bytes: each page divided by the number of processes that share it.

    The kernel walks over all mappings for it, which takes milliseconds in a large process. None if it does not tell.
    """
    try:
        return _kib_fields(_read("/proc/self/smaps_rollup")).get(b"Pss")
    except OSError:
        return None


class _Peaks:
    """All peaks that are being watched, and the highest that was hidden by setting the kernel's back."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.hidden = 0
        self.watches: weakref.WeakSet[PeakWatch] = weakref.WeakSet()


_peaks = _Peaks()


class PeakWatch:
    """Finds the highest resident memory from now on.

    The kernel keeps one peak for the life of the process. If that rises, the peak since now is exact. Otherwise it is
    the highest of the samples that :meth:`see` was told of, which may miss what came and went between two of them. With
    ``exact`` the kernel's peak is set back to what is resident now: then it is exact in any case, but tools outside of
    this process (``/usr/bin/time``, ``getrusage``) do not see any more what was before. Of this package, every watch
    and :func:`read_resident` remember it.

    Parameters
    ----------
    exact : bool, optional
        Whether to set the kernel's peak back. Where that is not allowed, samples have to do.
    """

    def __init__(self, *, exact: bool = False) -> None:
        with _peaks.lock:
            if exact:
                _set_back()
            self._floor = self._base = peak_now()
            self.highest = resident_now()
            _peaks.watches.add(self)

    def see(self, rss: int) -> None:
        """Take note of a sample, in bytes."""
        self.highest = max(self.highest, rss)

    def _fold(self, kernel: int) -> None:
        """Take note of the kernel's peak, before it is set back or at the end."""
        if kernel > self._base:
            self.see(kernel)

    def set_back(self, kernel: int, base: int) -> None:
        """Take note that the kernel's peak was set back, from one number of bytes to another."""
        self._fold(kernel)
        self._base = base

    def read(self) -> int:
        """Return the highest resident memory so far, in bytes."""
        with _peaks.lock:
            self._fold(peak_now())
            self.see(resident_now())
            return self.highest

    @property
    def exact(self) -> bool:
        """Whether the kernel vouches for what :meth:`read` returned last."""
        return self.highest >= self._floor


def _set_back() -> None:
    """Set the kernel's peak back to what is resident now, and keep what it was."""
    kernel = peak_now()
    try:
        descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(descriptor, b"5")
    except OSError:
        return
    finally:
        os.close(descriptor)
    _peaks.hidden = max(_peaks.hidden, kernel)
    base = peak_now()
    for watch in list(_peaks.watches):
        watch.set_back(kernel, base)


def _forget_parent() -> None:
    """Begin anew in a forked child, whose peak is its own."""
    global _peaks
    _peaks = _Peaks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
