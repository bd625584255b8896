"""Results: rows of a query, read once, and what they become."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from . import _native
from ._engine import PathLike
from ._errors import TidegateError

if TYPE_CHECKING:
    from ._run import Run
    from ._table import Table
    from ._udf import As


class Field(NamedTuple):
    """A column: its name, its Arrow type, and whether there may be nulls."""

    name: str
    type: str
    nullable: bool


class Progress(NamedTuple):
    """How far a query is, and what its worker uses. Sizes are in bytes."""

    rows: int = 0
    bytes: int = 0
    total_bytes: int = 0
    rows_out: int = 0
    rejects: int = 0
    resident: int = 0
    anonymous: int = 0
    live: int = 0
    spilled: int = 0
    pressure: str = "calm"

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> Progress:
        return cls(**{name: value for name, value in fields.items() if name in cls._fields})


class Rows:
    """What has rows: a :class:`Result`, or a :class:`Table`."""

    def _batches(self) -> _native.Batches:
        """Return the batches, which are read once."""
        raise NotImplementedError

    # -- columns

    @property
    def fields(self) -> list[Field]:
        """The columns in order. Waits until they are known."""
        return [Field(*field) for field in self._batches().schema()]

    @property
    def schema(self) -> dict[str, str]:
        """The columns with their Arrow types, by name. Waits until they are known."""
        return {field.name: field.type for field in self.fields}

    @property
    def columns(self) -> list[str]:
        """The names of the columns in order. Waits until they are known."""
        return [field.name for field in self.fields]

    # -- what it becomes

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the batches for any library that knows Arrow: ``pa.table(rows)``, ``pl.DataFrame(rows)``."""
        return self._batches().capsule(foreign=True)

    def iter_batches(self) -> Iterator[Table]:
        """Yield the batches as they come; while none is asked for, the engine waits.

        Each is a :class:`Table` of some thousand rows: ``for batch in result.iter_batches(): batch.to_pandas()``.
        """
        from ._table import Table

        batches = self._batches()
        while (batch := batches.next()) is not None:
            yield Table(batch)

    async def aiter_batches(self) -> AsyncIterator[Table]:
        """Yield the batches without holding up an event loop."""
        from . import _aio
        from ._table import Table

        batches = await _aio.run(self._batches, self._cancel)
        while (batch := await _aio.run(batches.next, self._cancel)) is not None:
            yield Table(batch)

    def collect(self) -> Table:
        """Return all rows as a :class:`Table`, which needs no other package."""
        from ._table import Table

        return Table(self._batches().collect())

    async def collect_async(self) -> Table:
        """Return all rows without holding up an event loop. If the task is cancelled, the query is, too."""
        from . import _aio

        return await _aio.run(self.collect, self._cancel)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return all rows as tuples of Python objects."""
        return self.collect().rows()

    def to_arrow(self) -> Any:
        """Return all rows as a ``pyarrow.Table``, without a copy.

        Raises
        ------
        MissingPackageError
            If pyarrow is not installed.
        """
        from . import _convert

        return _convert.to_arrow(self._batches())

    def to_pandas(self) -> Any:
        """Return all rows as a ``pandas.DataFrame``.

        Rows are in memory once while they come: the peak is the frame's own size and a batch. Texts are ``str`` in
        pandas 3, which takes pyarrow to hold them well; without it they are Python strings. Integers with nulls become
        ``float64``, as in pandas itself.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        """
        from . import _convert

        return _convert.to_pandas(self._batches())

    def to_polars(self) -> Any:
        """Return all rows as a ``polars.DataFrame``.

        Raises
        ------
        MissingPackageError
            If polars is not installed.
        """
        from . import _convert

        return _convert.to_polars(self._batches())

    def to_numpy(self, *, out: Optional[PathLike] = None, dtype: Any = None) -> Any:
        """Return all rows as a matrix, or as a file that is larger than memory.

        Parameters
        ----------
        out : path, optional
            A file in NumPy's format to write. What is returned then is an ``np.memmap`` of it, and no more than a
            batch is ever in memory. The file appears whole or not at all.
        dtype : optional
            The type of the values: a NumPy type or its name. By default the one that holds all columns: ``int64``,
            ``float64``, or, in memory alone, ``object`` if there are others than numbers. Only floats can be missing.

        Raises
        ------
        MissingPackageError
            If numpy is not installed.
        UsageError
            If a column cannot be of the type.

        Examples
        --------
        >>> from tidegate._engine import execute
        >>> execute("SELECT 1.5 AS a, 2 AS b").to_numpy()  # doctest: +SKIP
        array([[1.5, 2. ]])
        """
        from . import _convert

        return _convert.to_numpy(self._batches(), out=out, dtype=dtype)

    def map_batches(
        self, function: Callable[[Any], Any], *, schema: Any = None, as_: As = "arrow", workers: int = 0
    ) -> Result:
        """Return the rows that a function of yours makes of these, batch by batch, in their order.

        Parameters
        ----------
        function : callable
            Takes a batch and returns one: a frame, a table, or another object with ``__arrow_c_stream__``, with as
            many rows as it likes.
        schema : optional
            The columns that it returns: a mapping of names to types (``{"status": "int64", "path": str}``), or an
            object with ``__arrow_c_schema__`` such as a ``pyarrow.Schema``. By default those of the first batch it
            returns.
        as_ : {"arrow", "pandas", "polars", "table"}
            What it takes: a ``pyarrow.RecordBatch``, a frame, or a :class:`Table`.
        workers : int, optional
            How many processes run it; 0 is this process. The limit is then divided: half is the engine's, the rest the
            workers', and one that shows the kernel more than its part is ended with a ``MemoryLimitError``.

        Raises
        ------
        TypeError
            If an argument has the wrong type, or the function cannot be sent to another process.

        Notes
        -----
        What the function raises is raised by whoever reads, with its own traceback.
        """
        from . import _udf

        return _udf.map_batches(self, function, schema=schema, as_=as_, workers=workers)

    # -- files

    def write_parquet(self, path: PathLike) -> None:
        """Write the rows to a Parquet file, which appears whole or not at all.

        Parameters
        ----------
        path : path
            The file.
        """
        self._write("path", path, "parquet")

    def write_csv(self, path: PathLike) -> None:
        """Write the rows to a CSV file, which appears whole or not at all.

        Parameters
        ----------
        path : path
            The file.
        """
        self._write("path", path, "csv")

    def write_ndjson(self, path: PathLike) -> None:
        """Write the rows to a file of JSON objects, one a line, which appears whole or not at all.

        Parameters
        ----------
        path : path
            The file.
        """
        self._write("path", path, "ndjson")

    def _write(self, name: str, path: PathLike, format: str) -> None:
        from . import _engine

        if not isinstance(path, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{name}: expected a path, not {type(path).__name__}")
        _engine.execute("SELECT * FROM tidegate_rows", tables={"tidegate_rows": self}, output=path, format=format)

    def _cancel(self) -> None:
        """End what makes the rows, if anything does."""


class Result(Rows):
    """One run of a query. It starts when something of it is asked for, and is read once.

    While nobody reads, the worker waits. A result that is dropped or closed ends its query.

    Examples
    --------
    >>> from tidegate._engine import execute
    >>> with execute("SELECT 1 AS one") as result:
    ...     print(result.columns)
    ['one']
    """

    def __init__(self, run: Optional[Run] = None, *, make: Optional[Callable[[], _native.Batches]] = None) -> None:
        self._run = run
        self._make = make
        self._lock = threading.Lock()
        self._native: Optional[_native.Batches] = None
        #: What has to live as long as the query reads it.
        self._kept: Any = None
        self._source: Optional[Rows] = None
        #: What was looked at of the rows.
        self._first: Optional[Table] = None

    def _batches(self) -> _native.Batches:
        with self._lock:
            if self._native is None:
                if self._run is not None:
                    self._native, self._kept = self._run.start()
                elif self._make is not None:
                    self._native = self._make()
                else:
                    raise TidegateError("the result has no query")
            return self._native

    # -- the run

    @property
    def started(self) -> bool:
        """Whether the query was started."""
        return self._native is not None

    @property
    def progress(self) -> Optional[Progress]:
        """How far the query is, as far as it was read; ``None`` before it said so."""
        return None if self._native is None else self._native.progress()

    @property
    def record(self) -> Optional[dict[str, Any]]:
        """The record of the run, as ``tidegate query --record`` writes it; ``None`` before all rows are read."""
        return None if self._native is None else self._native.record()

    @property
    def worker_pid(self) -> Optional[int]:
        """The process that the query is in; ``None`` before it was started."""
        return None if self._native is None else self._native.pid()

    def preview(self, rows: int = 10) -> Table:
        """Return the first rows. They are read again by whoever reads the result; the query waits after them.

        From then on they are shown with the result.

        Parameters
        ----------
        rows : int, optional
            How many.

        Examples
        --------
        >>> from tidegate._engine import execute
        >>> result = execute("SELECT value FROM range(0, 100000)")
        >>> result.preview(2).rows(), len(result.collect())
        ([(0,), (1,)], 100000)
        """
        from ._table import Table

        self._first = Table(self._batches().peek(rows)[0])
        return self._first

    def wait(self) -> Result:
        """Read the query to its end, throw its rows away, and return this result: for what it wrote, and its record."""
        batches = self._batches()
        while batches.next() is not None:
            pass
        return self

    def cancel(self) -> None:
        """End the query, from any thread. Whoever reads it gets a ``CancelledError``."""
        if self._native is not None:
            self._native.cancel()
        if isinstance(self._source, Result):
            self._source.cancel()

    def close(self) -> None:
        """End the query if it has not ended, and give up its rows."""
        self.cancel()
        if self._native is not None:
            self._native.close()
        if isinstance(self._source, Result):
            self._source.close()

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cancel(self) -> None:
        self.cancel()

    def _write(self, name: str, path: PathLike, format: str) -> None:
        """Let the engine write, in one query if this one was not started yet."""
        if self._run is None or self.started or self._run.output is not None:
            super()._write(name, path, format)
            return
        if not isinstance(path, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{name}: expected a path, not {type(path).__name__}")
        self._run = self._run.with_output(os.path.abspath(os.fsdecode(path)), format)
        self.wait()

    def __reduce__(self) -> Any:
        raise TypeError("a result cannot be sent to another process; send what `collect()` returns")

    # -- how it looks: never runs anything

    def _state(self) -> str:
        if self._native is None:
            return "not started"
        if self._native.record() is not None:
            return "read"
        progress = self._native.progress()
        return "started" if progress is None else f"{progress.rows_out:,} rows so far"

    def __repr__(self) -> str:
        sql = "" if self._run is None else f": {_cut(' '.join(self._run.sql.split()), 120)}"
        first = "" if self._first is None else f"\nits first rows:\n{self._first!r}"
        return f"<tidegate result, {self._state()}{sql}>{first}"

    def _repr_html_(self) -> str:
        """Return the query and how far it is; it is not run."""
        from html import escape

        sql = "" if self._run is None else f"<pre>{escape(_cut(self._run.sql, 2000))}</pre>"
        call = "<code>.collect()</code>, <code>.to_pandas()</code>"
        hint = f"<p>Read its rows with {call}, or look at the first with <code>.preview()</code>.</p>"
        first = "" if self._first is None else f"<p>Its first rows:</p>{self._first._repr_html_()}"
        return f"<div><p><b>tidegate result</b>, {escape(self._state())}</p>{sql}{first or hint}</div>"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


@contextlib.contextmanager
def faults_of(batches: _native.Batches) -> Generator[None, None, None]:
    """Raise what ended the batches, where another library saw only its text."""
    try:
        yield
    except BaseException:
        batches.raise_fault()
        raise
