"""By which names the code reaches objects: variables of every thread's functions, globals, and what is in those.

Reading the variables of a running function must not keep them alive. Up to Python 3.12, ``frame.f_locals`` of a
function is a copy that stays with the frame: a table would outlive its ``del``. So such a copy is emptied again, unless
somebody else has it.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from types import FrameType, FunctionType, ModuleType
from typing import Any

_DEPTH = 4
_BUDGET = 20_000
_ITEMS = 1_000
_NAMES = 4
_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


def frames() -> list[tuple[FrameType, bool]]:
    """Return the running functions of all threads, the innermost first, and whether each is of a library.

    Those of this package that are asking are left out.
    """
    found: list[tuple[FrameType, bool]] = []
    tops = sys._current_frames()  # pyright: ignore[reportPrivateUsage] - there is no other way
    # The frame of this very function would hold itself by its own variable, and all above it, until cycles are
    # collected.
    tops[threading.get_ident()] = sys._getframe(1)
    while tops:
        frame: FrameType | None = tops.popitem()[1]
        while frame is not None:
            path = frame.f_code.co_filename
            if not is_own(path):
                found.append((frame, of_library(path)))
            frame = frame.f_back
    return found


def is_own(path: str) -> bool:
    """Return whether a file is of this package."""
    return path.startswith(_OWN)


def of_library(path: str) -> bool:
    """Return whether a file is of Python or of an installed package."""
    return path.startswith(_LIBRARY) or "/site-packages/" in path or "/dist-packages/" in path


_LIBRARY = (
    os.path.join(os.path.dirname(os.__file__), ""),
    os.path.join(os.path.realpath(os.path.dirname(os.__file__)), ""),
    "<frozen",
)


def local_variables(frame: FrameType) -> dict[str, Any]:
    """Return the variables of a running function, without leaving a copy of them behind."""
    if sys.version_info >= (3, 13) or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return dict(frame.f_locals)
    held = frame.f_locals
    found = dict(held)
    # Three references are the frame's, ours and the argument's. While a function is traced, its copy is written back to
    # it.
    if frame.f_trace is None and sys.getprofile() is None and sys.getrefcount(held) <= 3:
        held.clear()
    return found


def _roots() -> Iterator[tuple[str, Any, bool]]:
    """Return every variable: its name, its value, and whether what is inside of it is worth a look."""
    for frame, library in frames():
        if frame.f_code.co_name == "<module>":
            continue
        where = f" in {frame.f_code.co_name}()"
        for name, value in local_variables(frame).items():
            yield f"{name}{where}", value, not library
    for module in list(sys.modules.values()):
        if not isinstance(module, ModuleType):  # pyright: ignore[reportUnnecessaryIsInstance] - anything may be there
            continue
        name = module.__name__
        own = name == "__main__"
        path = getattr(module, "__file__", None)
        if name.split(".")[0] == "tidegate" or (not own and (path is None or of_library(path))):
            continue
        prefix = "" if own else f"{name}."
        for key, value in list(vars(module).items()):
            yield f"{prefix}{key}", value, True


def names_of(wanted: set[int]) -> dict[int, list[str]]:
    """Return the names of objects, the shortest way first.

    Parameters
    ----------
    wanted : set of int
        The objects by their identity. They must be alive.

    Returns
    -------
    dict of int to list of str
        Up to four names of each that has one: ``df``, ``df in load()``, ``cache['today']``, ``job.frame``.
    """
    found: dict[int, list[str]] = {}
    seen: set[int] = set()
    queue: deque[tuple[str, Any, int]] = deque()
    for name, value, inside in _roots():
        _note(found, wanted, name, value)
        if inside:
            queue.append((name, value, 1))
    budget = _BUDGET
    while queue and budget:
        name, value, depth = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        for inner, held in _inside(name, value):
            budget -= 1
            _note(found, wanted, inner, held)
            if depth < _DEPTH and budget > 0:
                queue.append((inner, held, depth + 1))
            if budget <= 0:
                break
    return found


def _note(found: dict[int, list[str]], wanted: set[int], name: str, value: Any) -> None:
    """Add a name, if the object is one of those."""
    if id(value) in wanted:
        names = found.setdefault(id(value), [])
        if name not in names and len(names) < _NAMES:
            names.append(name)


def _split(name: str) -> tuple[str, str]:
    """Return a name and where it is: ``job`` and `` in run()``."""
    at = name.find(" in ")
    return (name, "") if at < 0 else (name[:at], name[at:])


def _inside(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Return what a container, an object or a closure holds, by name."""
    base, where = _split(name)
    kind = type(value)
    try:
        if isinstance(value, dict):
            for key, held in list(value.items())[:_ITEMS]:
                yield f"{base}[{_key(key)}]{where}", held
        elif isinstance(value, (list, tuple, deque)):
            for at, held in enumerate(list(value)[:_ITEMS]):
                yield f"{base}[{at}]{where}", held
        elif kind is FunctionType:
            for cell_name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
                yield f"{cell_name} in {base}()", cell.cell_contents
        elif isinstance(value, (ModuleType, type)) or kind.__module__.split(".")[0] in _OPAQUE:
            return
        else:
            for key, held in list(getattr(value, "__dict__", {}).items())[:_ITEMS]:
                yield f"{base}.{key}{where}", held
    except (RuntimeError, ValueError, AttributeError, TypeError):
        return


_OPAQUE = {"builtins", "numpy", "pandas", "polars", "pyarrow", "tidegate", "threading", "_thread"}
"""Packages whose objects are not looked into: they hold buffers, or nothing of the user's."""


def _key(key: Any) -> str:
    """Return a key as it is written, in few characters."""
    text = repr(key) if isinstance(key, (str, int, float, bool, bytes, tuple)) else type(key).__name__
    return text if len(text) <= 40 else text[:37] + "..."
