"""What a ``DataProcessor`` reads, as chunks that are loaded one by one: files, queries, frames, iterables.

A chunk is a label and a function that loads it. Nothing is loaded before that function is called, so that what it costs
belongs to the turn that needs it.
"""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable, NamedTuple, Union, cast

from ._errors import InputError, MissingPackageError

Load = Callable[[str], Any]
PathLike = Union[str, "os.PathLike[str]"]

_QUERY = ("SELECT", "WITH", "VALUES", "FROM")


class Exhausted(Exception):
    """There is no further chunk."""


class Chunk(NamedTuple):
    """A chunk that is not loaded yet."""

    label: str
    load: Callable[[], Any]


class Options(NamedTuple):
    """How a source is read."""

    chunk_rows: int | None
    load: Load | None
    limit: int | None


def open_chunks(source: Any, options: Options) -> Iterator[Chunk]:
    """Return the chunks of a source.

    Raises
    ------
    TypeError
        If the source is nothing that has chunks.
    InputError
        If a path leads nowhere.
    """
    if isinstance(source, str) and source.split(None, 1)[:1] and source.split(None, 1)[0].lstrip("(").upper() in _QUERY:
        return _of_iterator("query", _query(source, options))
    if isinstance(source, (str, os.PathLike)):
        return _of_files(_files(os.fspath(source)), options)
    if isinstance(source, (list, tuple)) and source and all(isinstance(item, (str, os.PathLike)) for item in source):
        return _of_files([path for item in source for path in _files(os.fspath(item))], options)
    if callable(getattr(source, "iter_batches", None)):
        return _of_iterator("batch", getattr(source, "iter_batches"))  # noqa: B009 - of whatever type it is
    if hasattr(source, "iloc") or (callable(getattr(source, "slice", None)) and hasattr(source, "__len__")):
        return _of_frame(source, options)
    if isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray, dict)):
        items = cast("Iterable[Any]", source)
        return _of_iterator("chunk", lambda: items)
    raise TypeError(
        f"`source` must be a path, a query, a frame or something that can be iterated, not {type(source).__name__}"
    )


def _of_iterator(name: str, start: Callable[[], Iterable[Any]]) -> Iterator[Chunk]:
    """Return what an iterator yields as chunks.

    It is asked for the next one when that is loaded, and ends where it fails.
    """
    iterator: list[Iterator[Any]] = []
    ended: list[bool] = []

    def load() -> Any:
        try:
            if not iterator:
                iterator.append(iter(start()))
            return next(iterator[0])
        except StopIteration:
            ended.append(True)
            raise Exhausted from None
        except Exception:
            ended.append(True)
            raise

    number = 0
    try:
        while not ended:
            number += 1
            yield Chunk(f"{name} {number}", load)
    finally:
        for opened in iterator:
            close = getattr(opened, "close", None)
            if callable(close):
                close()


def _of_frame(frame: Any, options: Options) -> Iterator[Chunk]:
    """Return slices of a frame."""
    rows = len(frame)
    step = options.chunk_rows or max(1, rows)
    for start in range(0, rows, step):

        def load(start: int = start) -> Any:
            return frame.iloc[start : start + step] if hasattr(frame, "iloc") else frame.slice(start, step)

        yield Chunk(f"rows {start:,}..", load)


def _files(path: str) -> list[str]:
    """Return the files of a path, a pattern or a folder, by name."""
    if os.path.isdir(path):
        found = [os.path.join(path, name) for name in os.listdir(path) if not name.startswith(".")]
        found = [name for name in found if os.path.isfile(name)]
    elif os.path.exists(path) or not glob.has_magic(path):
        found = [path]
    else:
        found = glob.glob(path, recursive=True)
    if not found or not os.path.exists(found[0]):
        raise InputError(
            f"no file matches `{path}`", help="name a file, a folder, a pattern such as 'logs/*.csv', or a query"
        )
    return sorted(found)


def _of_files(paths: Sequence[str], options: Options) -> Iterator[Chunk]:
    """Return files as chunks, each whole, or in parts if a number of rows is asked for."""
    for path in paths:
        label = os.path.basename(path)
        if options.load is not None:
            yield Chunk(label, functools.partial(options.load, path))
        elif options.chunk_rows is None and _extension(path) in _WHOLE:
            yield Chunk(label, functools.partial(_WHOLE[_extension(path)], path))
        else:
            yield from _of_iterator(label, functools.partial(_in_parts, path, options))


def _extension(path: str) -> str:
    """Return the extension that says what a file is, without that of its compression."""
    name = path.lower()
    for compressed in (".gz", ".bz2", ".xz", ".zst"):
        name = name.removesuffix(compressed)
    return os.path.splitext(name)[1]


def _pandas() -> Any:
    """Return pandas."""
    try:
        import pandas
    except ImportError as error:
        raise MissingPackageError(
            "reading files into frames needs pandas",
            help="pip install pandas, or hand over `load=`, a function of a path",
        ) from error
    return pandas


_WHOLE: dict[str, Load] = {
    ".csv": lambda path: _pandas().read_csv(path),
    ".tsv": lambda path: _pandas().read_csv(path, sep="\t"),
    ".parquet": lambda path: _pandas().read_parquet(path),
    ".ndjson": lambda path: _pandas().read_json(path, lines=True),
    ".jsonl": lambda path: _pandas().read_json(path, lines=True),
}


def _in_parts(path: str, options: Options) -> Iterable[Any]:
    """Return the parts of a file; what pandas does not read, such as logs, is read by the engine."""
    kind, rows = _extension(path), options.chunk_rows
    if rows is not None and kind in (".csv", ".tsv"):
        return _pandas().read_csv(path, chunksize=rows, sep="\t" if kind == ".tsv" else ",")
    if rows is not None and kind in (".ndjson", ".jsonl"):
        return _pandas().read_json(path, lines=True, chunksize=rows)
    if rows is not None and kind == ".parquet":
        return _parquet_parts(path, rows)
    quoted = path.replace("'", "''")
    return _query(f"SELECT * FROM '{quoted}'", options)()


def _parquet_parts(path: str, rows: int) -> Iterator[Any]:
    """Return the rows of a Parquet file as frames."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError("reading Parquet in parts needs pyarrow", help="pip install pyarrow") from error
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=rows):
            yield batch.to_pandas()


def _query(text: str, options: Options) -> Callable[[], Iterable[Any]]:
    """Return what starts a query and yields its batches. Its worker has half of the limit."""

    def start() -> Iterable[Any]:
        from ._engine import execute

        limit = None if options.limit is None else max(64 << 20, options.limit // 2)
        return execute(text, limit=limit).iter_batches()

    return start


def rows_of(data: Any) -> int | None:
    """Return how many rows a chunk has, if it tells."""
    count = getattr(data, "num_rows", None)
    if isinstance(count, int):
        return count
    try:
        return len(data)
    except TypeError:
        return None
