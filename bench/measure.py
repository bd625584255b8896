"""Runs a command and returns what the kernel counted of it."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One run of a command: seconds, CPU seconds, the peak (VmHWM) in bytes, the exit code."""

    seconds: float
    cpu: float
    peak: int
    code: int


def run(command: list[str]) -> Run:
    """Run a command to its end, with its output thrown away."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, child.returncode)
