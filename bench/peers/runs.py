"""Runs a tool in a process of its own, in a memory cgroup where one can be made, and returns what the kernel counted."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from questions import QUESTIONS, Question
from speakers import tidegate_words

CGROUPS = Path("/sys/fs/cgroup")
SAMPLE = 0.01
WORKER = Path(__file__).with_name("worker.py")


def here() -> dict[str, str]:
    """Return the date, the machine and its load, which stand beside figures."""
    with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{model}, {os.cpu_count()} cores, {memory / 1e9:.0f} GB, {platform.system()} {platform.release()}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


@dataclass(frozen=True)
class Run:
    """One run: how it ended, seconds, CPU seconds, the peak of anonymous memory, and the bytes written beside the answer."""

    outcome: str
    seconds: float
    cpu: float
    anon: int
    written: int


@dataclass(frozen=True)
class Group:
    """A memory cgroup of either version."""

    folder: Path
    unified: bool

    def anonymous(self) -> int:
        """Return the bytes of anonymous memory now."""
        name = "anon" if self.unified else "total_rss"
        for line in (self.folder / "memory.stat").read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
        return 0

    def limit(self, limit: int) -> None:
        """Limit the group."""
        name = "memory.max" if self.unified else "memory.limit_in_bytes"
        (self.folder / name).write_text(str(limit), encoding="ascii")

    def killed(self) -> bool:
        """Return whether the kernel has killed in the group."""
        name = "memory.events" if self.unified else "memory.oom_control"
        lines = (self.folder / name).read_text(encoding="ascii").splitlines()
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in lines)

    def enter(self) -> None:
        """Put the calling process into the group."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


@contextmanager
def group() -> Iterator[Group]:
    """Make a group and remove it at the end."""
    unified = (CGROUPS / "cgroup.controllers").exists()
    folder = (CGROUPS if unified else CGROUPS / "memory") / f"tidegate-bench-{os.getpid()}"
    folder.mkdir()
    try:
        yield Group(folder, unified)
    finally:
        for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
            os.kill(int(pid), signal.SIGKILL)
        while (folder / "cgroup.procs").read_text(encoding="ascii"):
            time.sleep(SAMPLE)
        folder.rmdir()


def remove(out: Path) -> None:
    """Remove an answer, a file or a folder of files, and what a tool that was ended has left beside it."""
    for path in out.parent.glob(f"{out.name}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def command(tool: str, question: Question, form: str, data: Path, out: Path, limit: int | None, tidegate: str) -> list[str]:
    """Return the command that asks one tool one question."""
    if tool == "tidegate":
        words = tidegate_words(question, form, data)
        given = str(limit) if limit else "none"
        return [tidegate, "query", "-q", "--cache", "none", "--limit", given, "-o", str(out), words]
    return [sys.executable, str(WORKER), tool, question.name, form, str(data), str(out), str(limit or 0)]


def run(tool: str, name: str, form: str, data: Path, out: Path, limit: int | None, tidegate: str, most: float) -> Run:
    """Ask one tool one question and measure it; at most so many seconds."""
    remove(out)
    asked = command(tool, QUESTIONS[name], form, data, out, limit, tidegate)
    with group() as cgroup:
        if limit:
            cgroup.limit(limit)
        start = time.perf_counter()
        child = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=cgroup.enter)
        timer = threading.Timer(most, child.kill)
        timer.start()
        watched = Watched(child, cgroup)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        timer.cancel()
        anon, errors = watched.end()
        child.returncode = os.waitstatus_to_exitcode(status)
        killed = cgroup.killed()
    outcome = "answered"
    if child.returncode != 0:
        last = errors.strip().splitlines()[-1][:200] if errors.strip() else ""
        outcome = "out of memory" if killed else "too slow" if seconds >= most else f"exit {child.returncode}: {last}"
    size = sum(file.stat().st_size for file in [out, *out.glob("*")] if file.is_file())
    return Run(outcome, seconds, usage.ru_utime + usage.ru_stime, anon, max(0, usage.ru_oublock * 512 - size))


class Watched:
    """Samples the memory of a group and keeps the error output of its first process."""

    def __init__(self, child: subprocess.Popen[bytes], cgroup: Group) -> None:
        self.peak = 0
        self.errors = b""
        self.done = threading.Event()
        self.child = child
        self.cgroup = cgroup
        self.threads = [threading.Thread(target=self.sample), threading.Thread(target=self.read)]
        for thread in self.threads:
            thread.start()

    def sample(self) -> None:
        """Look at the memory until the process has ended."""
        while not self.done.wait(SAMPLE):
            self.peak = max(self.peak, self.cgroup.anonymous())

    def read(self) -> None:
        """Keep the end of what the process says is wrong."""
        assert self.child.stderr is not None
        for line in self.child.stderr:
            self.errors = (self.errors + line)[-4096:]

    def end(self) -> tuple[int, str]:
        """Return the peak and the errors."""
        self.done.set()
        for thread in self.threads:
            thread.join()
        return self.peak, self.errors.decode(errors="replace")
