"""``tg.DataProcessor``: load, process, release, continue; over any number of chunks, within one limit.

*Model.* A turn is one chunk: it is loaded, functions are called with it, and it is dropped. Of each turn is kept what
memory did: before, at the peak, after, and how much went back to the kernel. Nothing of the chunk itself is kept, nor
of an error's traceback.

*When memory is given back.* Always, never, or, as by default, where it is needed: if more is resident than after the
last time by 5 % and 8 MB, because giving back costs time, and the next chunk takes it again.
"""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Literal

from ._memory_kernel import resident_now
from ._memory_limits import read_limits
from ._memory_sizes import Size, format_seconds, format_size, parse_limit
from ._memory_text import html_table, table
from ._monitor import Monitor
from ._processor_sources import Chunk, Exhausted, Options, open_chunks, rows_of
from ._release import release_free_pages, release_memory

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ._limit import MemoryLimit

_KEPT = 10_000
_SHOWN = 40
_SLACK = 8_000_000

ReleaseWhen = Literal["auto", "always", "never"]


@dataclass(frozen=True)
class Turn:
    """What one turn did. Sizes are in bytes.

    Attributes
    ----------
    number : int
        Which turn it was, from 1.
    source : str
        Which chunk: the name of a file, ``"batch 3"``.
    tasks : tuple of str
        The functions that were called.
    rows : int or None
        How many rows the chunk had, if it told.
    before, peak, after : int
        Resident memory before it was loaded, at the highest, and after it was dropped.
    exact : bool
        Whether the kernel vouches for the peak; otherwise it is the highest sample.
    released : int
        What went back to the kernel after the functions were done, by dropping the chunk and by giving back.
    seconds : float
        How long it took.
    error : str or None
        What went wrong.
    """

    number: int
    source: str
    tasks: tuple[str, ...]
    rows: int | None
    before: int
    peak: int
    after: int
    exact: bool
    released: int
    seconds: float
    error: str | None


def should_release(rss: int, floor: int) -> bool:
    """Return whether giving memory back is worth it.

    Parameters
    ----------
    rss : int
        Resident memory now, in bytes.
    floor : int
        What it was after memory was given back the last time, in bytes.

    Examples
    --------
    >>> should_release(104_000_000, 100_000_000), should_release(110_000_000, 100_000_000)
    (False, True)
    """
    return rss > floor + max(_SLACK, floor // 20)


def _is_count(value: object) -> bool:
    """Return whether it is a whole number, which truth values are not."""
    return isinstance(value, int) and not isinstance(value, bool)


class _Open:
    """The turn that is going on."""

    def __init__(self, number: int, label: str) -> None:
        self.number = number
        self.label = label
        self.tasks: list[str] = []
        self.rows: int | None = None
        self.error: str | None = None
        self.monitor = Monitor(hz=100.0, capacity=64, exact=False).start()


class DataProcessor:
    """Goes through data in chunks: load, process, release, continue.

    Parameters
    ----------
    source : path, query, frame or iterable
        What is processed:

        - a file, a folder, a pattern such as ``"logs/*.csv"``, or a list of those: each file is a chunk, or, with
          `chunk_rows`, several;
        - a query as text, a lazy frame or a result: each batch is a chunk. The query's worker has half of the limit;
        - a frame of pandas or Polars, or a table of Arrow: with `chunk_rows`, slices of it;
        - anything that can be iterated, such as ``pandas.read_csv(path, chunksize=100_000)``: each item is a chunk.
    limit : str or int, optional
        The most resident memory of this process while it runs; above it, :class:`MemoryLimitError` is raised in the
        turn that passes it.
    chunk_rows : int, optional
        How many rows a chunk has.
    load : callable, optional
        What loads a file, called with its path. By default pandas reads CSV, Parquet and NDJSON, and the engine reads
        logs.
    release : {"auto", "always", "never"}, optional
        When memory is given back after a turn.

    Attributes
    ----------
    data : object
        The chunk that is loaded, or None.
    turns : deque of Turn
        The newest ten thousand turns.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, or makes no sense.
    InputError
        If a path leads nowhere.

    Examples
    --------
    Step by step, as on a whiteboard:

    >>> import tidegate as tg
    >>> with tg.DataProcessor([[1, 2, 3], [4, 5]], limit="100GB") as job:
    ...     while job.load_data() is not None:
    ...         print(job.process_data(sum))
    ...         released = job.clear_memory()
    6
    9
    >>> [turn.rows for turn in job.turns]
    [3, 2]

    Or in one loop:

    >>> list(tg.DataProcessor([[1, 2, 3], [4, 5]]).run(sum))
    [6, 9]
    """

    def __init__(
        self,
        source: Any,
        *,
        limit: Size | None = None,
        chunk_rows: int | None = None,
        load: Callable[[str], Any] | None = None,
        release: ReleaseWhen = "auto",
    ) -> None:
        self.limit = parse_limit(limit)
        if chunk_rows is not None and not _is_count(chunk_rows):
            raise TypeError(f"`chunk_rows` must be a whole number, not {type(chunk_rows).__name__}")
        if chunk_rows is not None and chunk_rows < 1:
            raise ValueError(f"`chunk_rows` is {chunk_rows}, and must be 1 or more")
        if load is not None and not callable(load):
            raise TypeError(f"`load` must be a function of a path, not {type(load).__name__}")
        if release not in ("auto", "always", "never"):
            raise ValueError(f"`release` is {release!r}; it can be 'auto', 'always' or 'never'")
        self.data: Any = None
        self.turns: deque[Turn] = deque(maxlen=_KEPT)
        self.count = 0
        self._release = release
        self._chunks: Iterator[Chunk] | None = open_chunks(source, Options(chunk_rows, load, self.limit))
        self._open: _Open | None = None
        self._enforced: MemoryLimit | None = None
        self._floor = resident_now()
        self._most_grown = 0

    def load_data(self) -> Any:
        """Load the next chunk and return it, or None if there is none. A chunk that is still loaded is dropped first.

        Raises
        ------
        MemoryLimitError
            If the limit is passed.
        Exception
            Whatever loading raises. It stands in the turn, and the next call goes on with the next chunk, if there is
            one.
        """
        self.clear_memory()
        while self._chunks is not None:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._begin(chunk.label)
            try:
                self.data = chunk.load()
            except Exhausted:
                self._discard()
                continue
            except BaseException as error:
                self._note(error)
                raise
            if self._open is not None:
                self._open.rows = rows_of(self.data)
            if self.data is not None:
                return self.data
            self.clear_memory()
        self.close()
        return None

    def process_data(self, function: Callable[[Any], Any]) -> Any:
        """Call a function with the chunk that is loaded, and return what it returns.

        Parameters
        ----------
        function : callable
            Called with the chunk. What it returns should be small, or memory grows with each turn.

        Raises
        ------
        RuntimeError
            If no chunk is loaded.
        Exception
            Whatever the function raises. It stands in the turn.
        """
        if self._open is None:
            raise RuntimeError("no chunk is loaded; call `load_data()` first")
        self._open.tasks.append(getattr(function, "__name__", type(function).__name__))
        try:
            return function(self.data)
        except BaseException as error:
            self._note(error)
            raise

    def clear_memory(self) -> int:
        """Drop the chunk, give memory back if that is worth it, and record the turn.

        Returns
        -------
        int
            The bytes by which resident memory fell. 0 if no chunk was loaded.
        """
        turn = self._open
        if turn is None:
            return 0
        self._open = None
        before = resident_now()
        self.data = None
        self._give_back()
        watched = turn.monitor.stop()
        released = max(0, before - watched.after)
        self._most_grown = max(self._most_grown, watched.peak - watched.before)
        self.turns.append(
            Turn(
                number=turn.number,
                source=turn.label,
                tasks=tuple(turn.tasks),
                rows=turn.rows,
                before=watched.before,
                peak=watched.peak,
                after=watched.after,
                exact=watched.exact,
                released=released,
                seconds=watched.seconds,
                error=turn.error,
            )
        )
        return released

    def run(self, *functions: Callable[[Any], Any], errors: Literal["raise", "record"] = "raise") -> Iterator[Any]:
        """Go through all chunks, and return what the functions return.

        Parameters
        ----------
        *functions : callable
            Called with each chunk, one after the other.
        errors : {"raise", "record"}, optional
            What happens if loading or a function fails: the error is raised, or it stands in the turn alone, and the
            next chunk is loaded. An iterator that fails has no next chunk.

        Yields
        ------
        object
            For each chunk what the function returned; of several functions a tuple.

        Raises
        ------
        TypeError, ValueError
            If there is no function, or `errors` is something else.
        """
        if not functions:
            raise TypeError("`run` needs a function to call with each chunk")
        if errors not in ("raise", "record"):
            raise ValueError(f"`errors` is {errors!r}; it can be 'raise' or 'record'")
        return self._run(functions, record=errors == "record")

    def _run(self, functions: tuple[Callable[[Any], Any], ...], *, record: bool) -> Iterator[Any]:
        """Go through all chunks; the check of arguments is done."""
        with self:
            while True:
                try:
                    if self.load_data() is None:
                        return
                    results = tuple(self.process_data(function) for function in functions)
                except Exception:
                    if not record:
                        raise
                    results = None
                self.clear_memory()
                if results is not None:
                    yield results[0] if len(functions) == 1 else results
                    del results

    @property
    def failed(self) -> list[Turn]:
        """The turns that failed."""
        return [turn for turn in self.turns if turn.error is not None]

    def close(self) -> None:
        """End: drop the chunk, close the source, remove the limit. Doing it twice does no harm."""
        self.clear_memory()
        chunks, self._chunks = self._chunks, None
        close = getattr(chunks, "close", None)
        if callable(close):
            close()
        if self._enforced is not None:
            self._enforced.remove()
            self._enforced = None

    def _begin(self, label: str) -> None:
        """Begin a turn.

        If the largest so far would not fit into what is left, everything that is free goes back first.
        """
        if self.limit is not None:
            if self._enforced is None:
                from ._limit import limit_memory

                self._enforced = limit_memory(self.limit)
            left = min([self.limit - resident_now(), *(reading.left for reading in read_limits())])
            if self._most_grown > left:
                release_memory()
        self.count += 1
        self._open = _Open(self.count, label)

    def _discard(self) -> None:
        """Forget a turn for which there was no chunk."""
        if self._open is not None:
            self._open.monitor.stop()
            self._open = None
            self.count -= 1

    def _note(self, error: BaseException) -> None:
        """Note that the turn failed.

        It ends later: until the error is handled, its traceback holds what the function had.
        """
        self.data = None
        if self._open is not None:
            self._open.error = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(
                ": "
            )

    def _give_back(self) -> None:
        """Give memory back after a turn, as was asked for."""
        if self._release == "never":
            return
        if self._release == "always":
            release_memory()
        elif should_release(resident_now(), self._floor):
            release_free_pages()
            if should_release(resident_now(), self._floor):
                release_memory()
                self._floor = resident_now()

    def __enter__(self) -> Self:
        """Return it; the limit holds from the first chunk on."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End. If the block failed, so did the turn."""
        if error is not None and self._open is not None and self._open.error is None:
            self._note(error)
        self.close()

    def report(self) -> str:
        """Return the turns as a table; of many, the first and the last, and all of them in one line."""
        header, rows = _rows(list(self.turns))
        return "\n".join([table(header, rows, left=3), self._summary()])

    def _summary(self) -> str:
        """Return all turns in one line."""
        turns = self.turns
        if not turns:
            return "no turns"
        rows = sum(turn.rows or 0 for turn in turns)
        failed = len(self.failed)
        return (
            f"{self.count:,} turns, {failed:,} failed, {rows:,} rows, "
            f"highest {format_size(max(turn.peak for turn in turns))}, "
            f"memory {format_size(turns[0].before)} -> {format_size(turns[-1].after)}, "
            f"{format_seconds(sum(turn.seconds for turn in turns))}"
        )

    def __repr__(self) -> str:
        """Return it in one line."""
        return f"<tidegate.DataProcessor: {self._summary()}>"

    def _repr_html_(self) -> str:
        """Return the turns as a table for a notebook."""
        header, rows = _rows(list(self.turns))
        return html_table(header, rows, left=3) + f"<p>{html.escape(self._summary())}</p>"


def _rows(turns: list[Turn]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return turns as rows of a table."""
    header = ("turn", "source", "result", "rows", "before", "peak", "after", "released", "time")
    shown: list[Turn | None] = list(turns)
    if len(turns) > _SHOWN:
        shown = [*turns[: _SHOWN // 2], None, *turns[-_SHOWN // 2 :]]
    rows = [
        ("..",) + ("",) * (len(header) - 1)
        if turn is None
        else (
            str(turn.number),
            turn.source,
            "ok" if turn.error is None else turn.error if len(turn.error) <= 60 else turn.error[:57] + "...",
            "" if turn.rows is None else f"{turn.rows:,}",
            format_size(turn.before),
            format_size(turn.peak),
            format_size(turn.after),
            format_size(turn.released),
            format_seconds(turn.seconds),
        )
        for turn in shown
    ]
    return header, rows
