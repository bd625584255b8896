"""Limits of the machine, of cgroups of both versions, and of resources."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from tidegate import _memory_limits
from tidegate._memory_kernel import read_resident
from tidegate._memory_limits import LimitReading, allowed_memory, read_limits, tightest


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _found(root: Path) -> list[LimitReading]:
    return _memory_limits._cgroup_limits(str(root))


def test_version_2_counts_what_is_in_use_without_inactive_files(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/a/b"
    _write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/a/b\n",
            "proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            f"{group}/memory.max": "1000000\n",
            f"{group}/memory.high": "max\n",
            f"{group}/memory.current": "700000\n",
            f"{group}/memory.stat": "anon 5\ninactive_file 200000\n",
            "sys/fs/cgroup/a/memory.max": "max\n",
            "sys/fs/cgroup/a/memory.high": "900000\n",
            "sys/fs/cgroup/a/memory.current": "800000\n",
        },
    )
    assert _found(tmp_path) == [
        LimitReading("cgroup v2 /a/b", 1_000_000, 500_000),
        LimitReading("cgroup v2 /a", 900_000, 800_000),
    ]


def test_version_1_beside_an_empty_version_2(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/memory/job"
    _write(
        tmp_path,
        {
            "proc/self/cgroup": "4:cpu,memory:/job\n1:name=systemd:/\n0::/\n",
            "proc/self/mountinfo": (
                "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,cpu,memory\n"
                "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                "42 broken\n"
            ),
            f"{group}/memory.limit_in_bytes": "500000\n",
            f"{group}/memory.usage_in_bytes": "100000\n",
            f"{group}/memory.stat": "inactive_file 1\ntotal_inactive_file 40000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
        },
    )
    assert _found(tmp_path) == [LimitReading("cgroup v1 /job", 500_000, 60_000)]


def test_in_a_container_only_its_own_part_of_the_hierarchy_is_seen(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/docker/1\n",
            "proc/self/mountinfo": "31 23 0:28 /docker/1 /sys/fs/my\\040group rw - cgroup2 cgroup2 rw\n",
            "sys/fs/my group/memory.max": "123\n",
            "sys/fs/my group/memory.current": "23\n",
        },
    )
    assert _found(tmp_path) == [LimitReading("cgroup v2 /", 123, 23)]


def test_without_any_cgroup_there_is_no_limit(tmp_path: Path) -> None:
    assert _found(tmp_path) == []


def test_the_machine_and_the_tightest_limit() -> None:
    limits = read_limits()
    machine = next(limit for limit in limits if limit.source == "machine")
    assert 0 < machine.used < machine.limit
    assert allowed_memory() <= machine.limit
    assert limits[0] == tightest(limits)
    assert tightest([]) is None
    assert LimitReading("x", 5, 7).left == 0


def test_resource_limits_count_what_they_count() -> None:
    code = (
        "import resource\n"
        "from tidegate._memory_limits import read_limits\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 40, -1))\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 39, -1))\n"
        "found = {limit.source: limit for limit in read_limits()}\n"
        "space, data = found['RLIMIT_AS'], found['RLIMIT_DATA']\n"
        "print(space.limit, data.limit, space.used > data.used)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(1 << 40), str(1 << 39), "True"]


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY, reason="a limit is set outside"
)
def test_a_resource_limit_that_is_not_set_is_none() -> None:
    assert "RLIMIT_AS" not in {limit.source for limit in read_limits(read_resident())}
