"""Which buffers an object holds: each by its address, so that views and shared columns count once.

Knows NumPy, pandas, Polars and PyArrow by what is loaded already, and loads nothing. What an object of Python's own
costs, such as the texts of a column of objects, is estimated from a sample.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

_SAMPLE = 256
"""How many objects are looked at to estimate the size of all."""


@dataclass
class Part:
    """A column of a frame, or the whole of an array, and how large it is in bytes."""

    name: str
    dtype: str
    size: int = 0
    estimated: bool = False


@dataclass
class Buffers:
    """What one object holds: its parts, and whole buffers by their address, in bytes.

    A view holds all of the buffer that it is a view of, so that buffers can be larger than parts.
    """

    kind: str
    shape: tuple[int, ...]
    parts: list[Part] = field(default_factory=list)
    held: dict[Any, int] = field(default_factory=dict)
    mapped: bool = False

    def add(
        self, name: str, dtype: object, held: dict[Any, int], *, size: int | None = None, estimated: bool = False
    ) -> None:
        """Add a part and its buffers; the part is as large as those unless its size is named."""
        self.parts.append(Part(name, str(dtype), sum(held.values()) if size is None else size, estimated))
        self.held.update(held)


Reader = Callable[["Kinds", Any], "Buffers | None"]
"""What asks an object for its buffers. They are plain functions: bound ones would hold the object that they are in."""


class Kinds:
    """The types whose objects hold buffers, as far as their packages are loaded, and how to ask them."""

    def __init__(self, *, least: int) -> None:
        self.least = least
        self._readers: list[tuple[type, Reader]] = []
        self.known: dict[type, Reader | None] = {}
        self._add("numpy", {"ndarray": Kinds._of_array})
        self._add("pandas", {"DataFrame": Kinds._of_pandas, "Series": Kinds._of_series, "Index": Kinds._of_series})
        self._add("polars", {"DataFrame": Kinds._of_polars, "Series": Kinds._of_polars_series})
        self._add(
            "pyarrow",
            {
                "Table": Kinds._of_table,
                "RecordBatch": Kinds._of_table,
                "ChunkedArray": Kinds._of_arrow,
                "Array": Kinds._of_arrow,
            },
        )
        self._add("tidegate._table", {"Table": Kinds._of_own})
        for kind in (bytes, bytearray, str):
            self._readers.append((kind, Kinds._of_bytes))
        for kind in (list, dict, set):
            self._readers.append((kind, Kinds._of_container))
        self._numpy: Any = sys.modules.get("numpy")

    def _add(self, package: str, readers: dict[str, Reader]) -> None:
        """Register the types of a package, if it is loaded."""
        module = sys.modules.get(package)
        for name, reader in readers.items():
            kind = getattr(module, name, None)
            if isinstance(kind, type):
                self._readers.append((kind, reader))

    def reader(self, kind: type) -> Reader | None:
        """Return how objects of a type are asked, or None if they hold no buffers."""
        if kind in self.known:
            return self.known[kind]
        found: Reader | None = None
        for known, reader in self._readers:
            exact = known in (bytes, bytearray, str, list, dict, set)
            if kind is known or (not exact and issubclass(kind, known)):
                found = reader
                break
        self.known[kind] = found
        return found

    def read(self, value: Any) -> Buffers | None:
        """Return what an object holds, or None if that is too little to matter or cannot be said."""
        reader = self.reader(type(value))
        if reader is None:
            return None
        try:
            return reader(self, value)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - an object of somebody else's, in whatever state
            return None

    def _of_array(self, array: Any) -> Buffers | None:
        root = self._root(array)
        if root.nbytes < self.least:
            return None
        found = Buffers(_kind(array), tuple(array.shape))
        held = self._of_numpy(array)
        found.add("", array.dtype, held, estimated=len(held) > 1)
        found.mapped = any(kind.__module__ == "mmap" or kind.__name__ == "memmap" for kind in _base_types(array))
        return found

    def _root(self, array: Any) -> Any:
        """Return the array that a view is a view of."""
        while isinstance(array.base, self._numpy.ndarray):
            array = array.base
        return array

    def _of_numpy(self, array: Any) -> dict[Any, int]:
        """Return the buffer of an array, and what its objects hold besides, which is estimated."""
        root = self._root(array)
        address = int(root.__array_interface__["data"][0])
        held: dict[Any, int] = {address: int(root.nbytes)}
        if array.dtype.kind == "O" and array.size:
            held["objects", address] = _sampled(array.ravel(order="K"), int(array.size))
        return held

    def _of_bytes(self, value: Any) -> Buffers | None:
        size = sys.getsizeof(value)
        if size < self.least:
            return None
        found = Buffers(type(value).__name__, (len(value),))
        found.add("", "", {id(value): size})
        return found

    def _of_container(self, value: Any) -> Buffers | None:
        size = sys.getsizeof(value)
        if size < self.least:
            return None
        pairs = isinstance(value, dict)
        items = _first(value.items() if pairs else value)
        names = sorted({type(item[1] if pairs else item).__name__ for item in items})
        inside = _estimated(
            [held for item in items for held in item] if pairs else items, len(value) * (2 if pairs else 1)
        )
        found = Buffers(type(value).__name__, (len(value),))
        found.add("", " | ".join(names[:3]), {id(value): size, ("objects", id(value)): inside}, estimated=True)
        return found

    def _of_pandas(self, frame: Any) -> Buffers | None:
        found = Buffers(_kind(frame), tuple(frame.shape))
        names = [str(name) for name in frame.columns]
        blocks = getattr(getattr(frame, "_mgr", None), "blocks", None)
        if blocks is None:
            usage = frame.memory_usage(index=False, deep=False)
            for at, (name, size) in enumerate(zip(names, usage)):
                found.add(name, "", {(id(frame), at): int(size)})
        else:
            for block in blocks:
                self._add_block(found, block, names)
        self._add_extension(found, "(index)", frame.index)
        return found if sum(found.held.values()) >= self.least else None

    def _add_block(self, found: Buffers, block: Any, names: Sequence[str]) -> None:
        """Add the columns of a block; those of a two-dimensional array share its buffer in equal parts."""
        values, places = block.values, [int(place) for place in block.mgr_locs.as_array]
        if getattr(values, "ndim", 1) == 1:
            for place in places:
                self._add_extension(found, names[place], values)
            return
        held = self._of_numpy(getattr(values, "_ndarray", values))
        whole = int(values.nbytes) + sum(size for key, size in held.items() if isinstance(key, tuple))
        for place in places:
            found.add(names[place], values.dtype, held, size=whole // len(places), estimated=len(held) > 1)

    def _add_extension(self, found: Buffers, name: str, values: Any) -> None:
        """Add a column by the arrays that are behind it."""
        held: dict[Any, int] = {}
        if type(values).__module__.startswith("pandas.core.indexes") and type(values).__name__ != "MultiIndex":
            # `values` would make objects of some; of a range it would make an array
            values = range(0) if type(values).__name__ == "RangeIndex" else values._values
        for array in self._arrays(values):
            held.update(self._of_numpy(array))
        arrow = getattr(values, "_pa_array", None)
        if arrow is not None:
            held.update(_arrow_buffers(arrow))
        size = getattr(values, "nbytes", 0)
        if not held and isinstance(size, int) and size and not isinstance(values, range):
            held["values", id(values)] = size
        if held:
            estimated = any(isinstance(key, tuple) and key[0] == "objects" for key in held)
            found.add(name, getattr(values, "dtype", ""), held, estimated=estimated)

    def _arrays(self, values: Any) -> Iterator[Any]:
        """Return the NumPy arrays behind an array of pandas."""
        if self._numpy is None or isinstance(values, range):
            return
        array = self._numpy.ndarray
        if isinstance(values, array):
            yield values
            return
        if type(values).__name__ == "MultiIndex":
            for codes in values.codes:
                yield from self._arrays(getattr(codes, "_ndarray", codes))
            for level in values.levels:
                yield from self._arrays(level)
            return
        if type(values).__name__ == "RangeIndex":
            return
        if type(values).__module__.startswith("pandas.core.indexes"):
            yield from self._arrays(values._values)
            return
        for attribute in ("_ndarray", "_data", "_mask", "_left", "_right", "_sp_values"):
            held = getattr(values, attribute, None)
            if isinstance(held, array):
                yield held
        categories = getattr(values, "categories", None)
        if categories is not None:
            yield from self._arrays(categories)

    def _of_series(self, series: Any) -> Buffers | None:
        values = getattr(series, "_values", None)
        if values is None or type(series).__name__ == "RangeIndex" or getattr(values, "nbytes", 0) < self.least:
            return None
        found = Buffers(_kind(series), tuple(series.shape))
        self._add_extension(found, "", values)
        return found

    def _of_polars(self, frame: Any) -> Buffers | None:
        # Where columns of Polars are in memory is not told by its public interface: two frames that share some count
        # both.
        if frame.estimated_size() < self.least:
            return None
        found = Buffers(_kind(frame), tuple(frame.shape))
        for series in frame.get_columns():
            found.add(series.name, series.dtype, {("polars", id(frame), series.name): int(series.estimated_size())})
        return found

    def _of_polars_series(self, series: Any) -> Buffers | None:
        if series.estimated_size() < self.least:
            return None
        found = Buffers(_kind(series), tuple(series.shape))
        found.add("", series.dtype, {("polars", id(series)): int(series.estimated_size())})
        return found

    def _of_table(self, table: Any) -> Buffers | None:
        if table.nbytes < self.least:
            return None
        found = Buffers(_kind(table), tuple(table.shape))
        for name, column in zip(table.column_names, table.columns):
            found.add(name, column.type, _arrow_buffers(column))
        return found

    def _of_own(self, table: Any) -> Buffers | None:
        if table.nbytes < self.least:
            return None
        found = Buffers("tidegate.Table", tuple(table.shape))
        found.add("", "", {("tidegate", id(table)): int(table.nbytes)})
        return found

    def _of_arrow(self, array: Any) -> Buffers | None:
        if array.nbytes < self.least:
            return None
        found = Buffers(_kind(array), (len(array),))
        found.add("", array.type, _arrow_buffers(array))
        return found


def _kind(value: Any) -> str:
    """Return what an object is called by who uses it: ``numpy.ndarray``, ``pandas.DataFrame``."""
    kind = type(value)
    return f"{kind.__module__.split('.')[0]}.{kind.__name__}"


def _base_types(array: Any) -> Iterator[type]:
    """Return the types of an array and of all that it is a view of."""
    seen = 0
    while array is not None and seen < 16:
        yield type(array)
        array, seen = getattr(array, "base", None), seen + 1


def _arrow_buffers(array: Any) -> dict[Any, int]:
    """Return the buffers of an array of Arrow, in one piece or in chunks, by address."""
    found: dict[Any, int] = {}
    chunks = array.chunks if hasattr(array, "chunks") else [array]
    for chunk in chunks:
        for buffer in chunk.buffers():
            if buffer is not None and buffer.size:
                found[buffer.address] = max(buffer.size, found.get(buffer.address, 0))
    return found


def _first(values: Iterable[Any]) -> list[Any]:
    """Return a sample: of a list from all over it, of others from their beginning."""
    if isinstance(values, list):
        step = max(1, len(values) // _SAMPLE)
        return values[::step][:_SAMPLE]
    found: list[Any] = []
    for value in values:
        found.append(value)
        if len(found) >= _SAMPLE:
            break
    return found


def _sampled(array: Any, count: int) -> int:
    """Return the estimated size in bytes of the objects that an array refers to."""
    return _estimated(list(array[:: max(1, count // _SAMPLE)][:_SAMPLE]), count)


def _estimated(items: list[Any], count: int) -> int:
    """Return the estimated size in bytes of so many objects.

    If most of a sample are the same ones, so are most of all.
    """
    distinct = {id(item): sys.getsizeof(item) for item in items if item is not None}
    if not items:
        return 0
    if len(distinct) < len(items) // 2:
        return sum(distinct.values())
    return sum(distinct.values()) * count // len(items)
