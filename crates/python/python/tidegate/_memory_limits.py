"""Which limits hold for this process, and what each leaves: the machine, cgroups of both versions, resource limits.

Page cache counts in a cgroup's usage, but is no memory in use: the kernel drops it before it kills. So what is used of
a cgroup is its usage without inactive pages of files.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass

from ._memory_kernel import Resident, read_resident

_UNLIMITED = 1 << 60
"""A cgroup of version 1 without a limit says a number near 2^63."""

own_limits: dict[int, int] = {}
"""The limits that ``tg.limit_memory`` has set, in bytes, by the identity of the object that holds them."""


@dataclass(frozen=True)
class LimitReading:
    """One limit, what is used of it, and what it leaves; in bytes.

    Attributes
    ----------
    source : str
        Who sets it: ``"tg.limit_memory"``, ``"cgroup v2 /path"``, ``"RLIMIT_AS"``, ``"machine"``.
    limit : int
        The most that it allows.
    used : int
        What counts against it. Each counts something else: RSS, the whole cgroup, address space.
    """

    source: str
    limit: int
    used: int

    @property
    def left(self) -> int:
        """What may still be taken, in bytes; zero if the limit is passed."""
        return max(0, self.limit - self.used)


def read_limits(resident: Resident | None = None) -> list[LimitReading]:
    """Return every limit that holds for this process.

    Parameters
    ----------
    resident : Resident, optional
        What the kernel counts, if it was just read.

    Returns
    -------
    list of LimitReading
        The tightest first.

    Examples
    --------
    >>> limits = read_limits()
    >>> "machine" in [limit.source for limit in limits]
    True
    """
    resident = resident or read_resident()
    found = [LimitReading("tg.limit_memory", limit, resident.rss) for limit in own_limits.values()]
    found += _cgroup_limits()
    found += _resource_limits(resident)
    machine = _machine()
    if machine is not None:
        found.append(machine)
    return sorted(found, key=lambda limit: limit.left)


def tightest(limits: list[LimitReading]) -> LimitReading | None:
    """Return the limit that leaves the least, if there is one."""
    return min(limits, key=lambda limit: limit.left, default=None)


def allowed_memory() -> int:
    """Return how much memory the machine or the cgroups around this process allow, whichever is less, in bytes.

    Raises
    ------
    ValueError
        If the machine does not tell; a share cannot be taken of it then.
    """
    sizes = [limit.limit for limit in _cgroup_limits()]
    machine = _machine()
    if machine is not None:
        sizes.append(machine.limit)
    if not sizes:
        raise ValueError("how much memory the machine has could not be read; write the limit as a size, such as 512MB")
    return min(sizes)


def _text(path: str) -> str | None:
    """Return what a small file says, or None if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def _machine() -> LimitReading | None:
    """Return the machine's memory. What is used is what the kernel could not give to others."""
    fields: dict[str, int] = {}
    for line in (_text("/proc/meminfo") or "").splitlines():
        words = line.split()
        if len(words) >= 2 and words[1].isdigit():
            fields[words[0].rstrip(":")] = int(words[1]) << 10
    total, available = fields.get("MemTotal"), fields.get("MemAvailable")
    if total is None or available is None:
        return None
    return LimitReading("machine", total, total - available)


def _resource_limits(resident: Resident) -> Iterator[LimitReading]:
    """Return the resource limits that are set."""
    for name, used in (("RLIMIT_AS", resident.virtual), ("RLIMIT_DATA", resident.data)):
        soft = resource.getrlimit(getattr(resource, name))[0]
        if soft not in (resource.RLIM_INFINITY, -1) and soft < _UNLIMITED:
            yield LimitReading(name, soft, used)


def _cgroup_limits(root: str = "/") -> list[LimitReading]:
    """Return the limits of all cgroups around this process, of both versions; a host can have both at a time."""
    memberships = _text(os.path.join(root, "proc/self/cgroup")) or ""
    mounts = list(_cgroup_mounts(_text(os.path.join(root, "proc/self/mountinfo")) or ""))
    found: list[LimitReading] = []
    for line in memberships.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        version = 2 if controllers == "" else 1
        if version == 1 and "memory" not in controllers.split(","):
            continue
        for mount in mounts:
            if mount.version == version:
                found += _of_ancestors(root, mount, path)
                break
    return found


@dataclass(frozen=True)
class _Mount:
    """Where a hierarchy of cgroups is mounted, and which of its cgroups is seen there."""

    version: int
    point: str
    top: str


def _cgroup_mounts(mountinfo: str) -> Iterator[_Mount]:
    """Return the mounts of hierarchies that govern memory, of version 2 or 1."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        top, point = _unescape(fields[3]), _unescape(fields[4])
        if kind[0] == "cgroup2":
            yield _Mount(2, point, top)
        elif kind[0] == "cgroup" and "memory" in kind[2].split(","):
            yield _Mount(1, point, top)


def _unescape(path: str) -> str:
    """Return a path of mountinfo, where spaces are written as octal numbers."""
    return path.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


def _of_ancestors(root: str, mount: _Mount, path: str) -> Iterator[LimitReading]:
    """Return the limits of a cgroup and of all above it, as far as the mount shows them."""
    if mount.top != "/":
        inside = path == mount.top or path.startswith(mount.top.rstrip("/") + "/")
        path = path[len(mount.top) :] if inside else "/"
    parts = [part for part in path.split("/") if part]
    if ".." in parts:
        parts = []
    for depth in range(len(parts), -1, -1):
        name = "/" + "/".join(parts[:depth])
        folder = os.path.join(root, mount.point.lstrip("/"), *parts[:depth])
        reading = _of_cgroup(folder, version=mount.version, name=name)
        if reading is not None:
            yield reading


def _of_cgroup(folder: str, *, version: int, name: str) -> LimitReading | None:
    """Return the limit of one cgroup, if it has one.

    Of version 2, ``memory.high`` throttles before ``memory.max`` kills.
    """
    names = ("memory.max", "memory.high") if version == 2 else ("memory.limit_in_bytes",)
    limits = [
        int(text) for text in ((_text(os.path.join(folder, name)) or "").strip() for name in names) if text.isdigit()
    ]
    limits = [limit for limit in limits if limit < _UNLIMITED]
    usage = _text(os.path.join(folder, "memory.current" if version == 2 else "memory.usage_in_bytes"))
    if not limits or usage is None or not usage.strip().isdigit():
        return None
    inactive = 0
    wanted = "inactive_file" if version == 2 else "total_inactive_file"
    for line in (_text(os.path.join(folder, "memory.stat")) or "").splitlines():
        field, _, value = line.partition(" ")
        if field == wanted and value.isdigit():
            inactive = int(value)
    used = max(0, int(usage) - inactive)
    return LimitReading(f"cgroup v{version} {name}", min(limits), used)
