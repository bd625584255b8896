"""Which objects of this process hold the most memory: arrays and tables by buffer, large containers, with their names.

The garbage collector knows all containers, and what those refer to; arrays of NumPy are found as what containers refer
to. It is a look through all objects: some tenths of a second in a process with pandas. Nothing of it stays referenced.
"""

from __future__ import annotations

import gc
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

from ._memory_buffers import Buffers, Kinds, Part
from ._memory_names import frames, local_variables, names_of
from ._memory_sizes import format_size

_LEAST = 1 << 16
_CHUNK = 1_000
_COLUMNS = 8
_LARGE = 4_096
_NAMED = 2_000
_MANY = 4
_ELEMENT = re.compile(r"(.*)\[[^\[\]]*\](?!.*\[)(.*)")
_CONTAINERS = (dict, list, tuple, set)


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, its type, and its size in bytes."""

    name: str
    dtype: str
    size: int


@dataclass(frozen=True)
class Holder:
    """An object that holds memory, and what nobody before it in the list holds already.

    Attributes
    ----------
    size : int
        Bytes of its buffers; of those that it shares with a larger holder, none.
    kind : str
        Its type: ``"pandas.DataFrame"``, ``"numpy.ndarray"``, ``"list"``.
    names : tuple of str
        How the code reaches it: ``"df"``, ``"df in load()"``, ``"cache['today']"``. Empty if no variable leads there.
    shape : tuple of int
        Rows and columns, or the length.
    dtype : str
        The type of its elements; empty for tables.
    columns : tuple of Column
        Of a table the largest columns.
    others : int
        How many other objects hold the same buffers: views, slices, columns.
    mapped : bool
        Whether it is a mapped file, which the kernel can drop.
    estimated : bool
        Whether the size of Python objects in it is estimated from a sample.
    """

    size: int
    kind: str
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    columns: tuple[Column, ...] = ()
    others: int = 0
    mapped: bool = False
    estimated: bool = False

    def __str__(self) -> str:
        """Return it in one line."""
        name = ", ".join(self.names) or "(no name)"
        shape = " " + " x ".join(f"{length:,}" for length in self.shape) if self.shape else ""
        about = "~" if self.estimated else ""
        dtype = f" {self.dtype}" if self.dtype else ""
        mapped = ", a mapped file" if self.mapped else ""
        shared = f", shared with {self.others} more" if self.others else ""
        return f"{about}{format_size(self.size)}  {name}: {self.kind}{shape}{dtype}{mapped}{shared}"


@dataclass
class _Found:
    """An object, its buffers, and of those what it holds alone so far."""

    value: Any
    buffers: Buffers
    size: int
    others: list[Any]


def find_holders(*, top: int = 10, least: int = _LEAST) -> list[Holder]:
    """Return the objects that hold the most memory.

    Parameters
    ----------
    top : int, optional
        The most objects to return.
    least : int, optional
        The size in bytes below which objects are passed over.

    Returns
    -------
    list of Holder
        The largest first. No byte is in two of them.

    Examples
    --------
    >>> kept = bytearray(50_000_000)
    >>> [holder.shape for holder in find_holders(top=100) if holder.kind == "bytearray"][0]
    (50000000,)
    """
    kinds = Kinds(least=least)
    found = _claimed(list(_candidates(kinds)))
    found = sorted((one for one in found if one.size >= least), key=lambda one: -one.size)[: _NAMED + top]
    wanted = {id(value) for one in found for value in (one.value, *one.others)}
    names = names_of(wanted)
    return _grouped([_holder(one, names) for one in found])[:top]


def _grouped(holders: list[Holder]) -> list[Holder]:
    """Return the holders, those of one kind that are in one container as one, if there are many."""
    groups: dict[tuple[str, str], list[Holder]] = {}
    for holder in holders:
        match = _ELEMENT.fullmatch(holder.names[0]) if holder.names else None
        container = f"{match[1]}[..]{match[2]}" if match else "" if not holder.names else holder.names[0]
        groups.setdefault((container, holder.kind), []).append(holder)
    found: list[Holder] = []
    for (container, kind), group in groups.items():
        if len(group) < _MANY:
            found += group
            continue
        dtypes = {holder.dtype for holder in group}
        found.append(
            Holder(
                size=sum(holder.size for holder in group),
                kind=f"{len(group):,} {kind}",
                names=(container,) if container else (),
                shape=(),
                dtype=dtypes.pop() if len(dtypes) == 1 else "",
                others=sum(holder.others for holder in group),
                mapped=all(holder.mapped for holder in group),
                estimated=any(holder.estimated for holder in group),
            )
        )
    return sorted(found, key=lambda holder: -holder.size)


def _candidates(kinds: Kinds) -> Iterator[tuple[Any, Buffers]]:
    """Return all objects that hold buffers, each once."""
    seen: set[int] = set()
    # Up to Python 3.10 running functions are among all objects, this one, too: its list would hold itself.
    objects: list[Any] = [value for value in gc.get_objects() if type(value) is not FrameType]
    for frame, _ in frames():
        objects.extend(local_variables(frame).values())
    seen.update((id(objects), id(seen)))
    for start in range(0, len(objects), _CHUNK):
        # What a module holds is in its dictionary. Up to Python 3.13.0, that of asyncio hands out what is freed.
        chunk = [value for value in objects[start : start + _CHUNK] if type(value) is not ModuleType]
        yield from _among(kinds, _with_referents(chunk), seen)
    objects.clear()


def _with_referents(values: list[Any]) -> list[Any]:
    """Return objects and all that they refer to; of large containers only a part, or this list would be as large."""
    large = [value for value in values if type(value) in _CONTAINERS and len(value) > _LARGE]
    if not large:
        return [*values, *gc.get_referents(*values)]
    found = [
        *values,
        *gc.get_referents(*(value for value in values if type(value) not in _CONTAINERS or len(value) <= _LARGE)),
    ]
    for value in large:
        try:
            found.extend(itertools.islice(value.values() if type(value) is dict else value, _LARGE))
        except RuntimeError:  # another thread changes it
            continue
    return found


def _among(kinds: Kinds, pending: list[Any], seen: set[int]) -> Iterator[tuple[Any, Buffers]]:
    """Return those of some objects that hold buffers and were not seen yet."""
    known = kinds.known
    while pending:
        value = pending.pop()
        kind = type(value)
        reader = known[kind] if kind in known else kinds.reader(kind)
        if (reader is None and kind is not tuple) or id(value) in seen:
            continue
        seen.add(id(value))
        # The collector passes over containers of nothing but what cannot be in a cycle, such as arrays.
        if kind in _CONTAINERS and not gc.is_tracked(value):
            pending.extend(_with_referents([value])[1:])
        buffers = kinds.read(value)
        if buffers is not None:
            yield value, buffers
        value = None


def _claimed(candidates: list[tuple[Any, Buffers]]) -> list[_Found]:
    """Return the objects with what each holds alone.

    Tables take their buffers before columns do, and large ones first.
    """
    claims: dict[Any, _Found] = {}
    found: list[_Found] = []
    candidates.sort(key=lambda item: (-len(item[1].shape) if item[1].parts[1:] else 0, -sum(item[1].held.values())))
    for value, buffers in candidates:
        own = {key: size for key, size in buffers.held.items() if key not in claims}
        one = _Found(value, buffers, sum(own.values()), [])
        for key in own:
            claims[key] = one
        if own:
            found.append(one)
        for key in buffers.held:
            holder = claims[key]
            if holder is not one and not any(other is value for other in holder.others):
                holder.others.append(value)
    return found


def _holder(one: _Found, names: dict[int, list[str]]) -> Holder:
    """Return a found object as it is shown."""
    own = list(names.get(id(one.value), ()))
    for other in one.others:
        own += [name for name in names.get(id(other), ()) if name not in own]
    buffers = one.buffers
    table = len(buffers.parts) > 1 or buffers.kind.endswith(("DataFrame", "Table", "RecordBatch"))
    parts: list[Part] = sorted(buffers.parts, key=lambda part: -part.size)
    return Holder(
        size=one.size,
        kind=buffers.kind,
        names=tuple(own[:4]),
        shape=buffers.shape,
        dtype="" if table else parts[0].dtype,
        columns=tuple(Column(part.name, part.dtype, part.size) for part in parts[:_COLUMNS] if part.name)
        if table
        else (),
        others=len(one.others),
        mapped=buffers.mapped,
        estimated=any(part.estimated for part in parts),
    )
