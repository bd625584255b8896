"""What a frame gives when it is asked for rows, for its columns, or how it looks."""

from __future__ import annotations

from tidegate import _engine
from tidegate._errors import TidegateError
from tidegate._frame_compile import unknown_column
from tidegate._frame_plan import Files, Plan, Step, Table, shown
from tidegate._frame_run import Ready, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from typing import Any, Callable, Optional, Union

    from tidegate._errors import QueryError
    from tidegate._frame import LazyFrame
    from tidegate._result import Result

    Path = Union[str, "os.PathLike[str]"]

_PREVIEW_ROWS = 5


class Results:
    """A plan with its settings, and what comes of it."""

    __slots__ = ("_plan", "_settings")

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self._plan = plan
        self._settings = settings

    def _ready(self) -> Ready:
        return Ready(self._plan, self._settings)

    # -- what it is
    # ------------------------------------------------------------------------------------------------------

    @property
    def sql_text(self) -> str:
        """The query as SQL. Names of columns are asked of the engine where a step needs them; nothing else is read."""
        return self._ready().sql

    @property
    def schema(self) -> dict[str, str]:
        """The columns with their Arrow types, by name. Reads samples of the files, and runs nothing."""
        ready = self._ready()
        if ready.query.bare:
            return dict(ready.query.source.columns())
        return dict(ready.execute(f"SELECT * FROM (\n{ready.sql}\n) AS t LIMIT 0").schema)

    @property
    def columns(self) -> list[str]:
        """The names of the columns. Reads samples of the files, and runs nothing."""
        return self._ready().query.names()

    def explain(self, *, memory: bool = False) -> str:
        """Return how the query is executed.

        Parameters
        ----------
        memory
            Whether it is run, and the memory of every operator shown beside its forecast.
        """
        ready = self._ready()
        result = ready.execute(f"EXPLAIN {'MEMORY ' if memory else ''}{ready.sql}")
        return "\n".join("  ".join(str(value) for value in row) for row in _rows(result))

    def forecast(self) -> Any:
        """Return what the query will need: peak memory as an interval, spill, time.

        The query is not run; samples are.
        """
        ready = self._ready()
        return _engine.forecast(ready.sql, limit=self._settings.limit, threads=self._settings.threads)

    # -- rows
    # ------------------------------------------------------------------------------------------------------------

    def collect(self) -> Result:
        """Run the query, and return its result."""
        return self._ready().execute()

    async def collect_async(self) -> Result:
        """Run the query without holding up an event loop, and return its result."""
        import asyncio

        ready = await asyncio.get_running_loop().run_in_executor(None, self._ready)
        return await asyncio.get_running_loop().run_in_executor(None, ready.execute)

    def to_pandas(self) -> Any:
        """Run the query, and return a pandas frame."""
        return self.collect().to_pandas()

    def to_polars(self) -> Any:
        """Run the query, and return a Polars frame."""
        return self.collect().to_polars()

    def to_arrow(self) -> Any:
        """Run the query, and return a PyArrow table."""
        return self.collect().to_arrow()

    def to_numpy(self, out: Optional[Path] = None) -> Any:
        """Run the query, and return a matrix of its columns, which must be numbers.

        Parameters
        ----------
        out
            A ``.npy`` file to write; the matrix is then an ``np.memmap``, and can be larger than memory.
        """
        return self.collect().to_numpy() if out is None else self.collect().to_numpy(out=out)

    def iter_batches(self) -> Iterator[Any]:
        """Run the query, and yield its batches as they come; while none is asked for, the engine waits."""
        return iter(self.collect().iter_batches())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Run the query, and give its batches to whoever knows Arrow's C interface: PyArrow, Polars, pandas, DuckDB."""
        return self.collect().__arrow_c_stream__(requested_schema)

    def count(self) -> int:
        """Run the query, and return how many rows there are."""
        ready = self._ready()
        result = ready.execute(f"SELECT count(*) AS n FROM (\n{ready.sql}\n) AS t")
        return int(next(iter(_rows(result)))[0])

    def map_batches(
        self,
        function: Callable[[Any], Any],
        *,
        schema: Any = None,
        batch_format: str = "pandas",
    ) -> LazyFrame:
        """Put every batch through a Python function of yours, in this process; the order stays.

        The result is a frame again. While the function works, the engine waits, and at most a few batches are here.

        Parameters
        ----------
        function
            Takes a batch and returns one: with other columns, more or fewer rows, or none.
        schema
            The columns that it returns, by name with types as in ``.cast(..)``, or a PyArrow schema. By default those
            of the first batch that it returns.
        batch_format
            What it takes: ``"pandas"``, ``"polars"`` or ``"arrow"`` (a PyArrow record batch). It can return any of
            them.

        Raises
        ------
        MissingPackageError
            If PyArrow is not installed, which this needs.
        """
        from tidegate._frame import LazyFrame
        from tidegate._frame_batches import mapped

        return LazyFrame(mapped(self._plan, self._settings, function, schema, batch_format), self._settings)

    # -- files
    # -----------------------------------------------------------------------------------------------------------

    def write_parquet(self, path: Path) -> Result:
        """Run the query, and write its rows to a Parquet file, which appears whole or not at all."""
        return self._write(path, "parquet")

    def write_csv(self, path: Path) -> Result:
        """Run the query, and write its rows to a CSV file, which appears whole or not at all."""
        return self._write(path, "csv")

    def write_ndjson(self, path: Path) -> Result:
        """Run the query, and write its rows to a file of JSON objects, which appears whole or not at all."""
        return self._write(path, "ndjson")

    def _write(self, path: Path, format: str) -> Result:
        import os

        if not isinstance(path, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"path is of type {type(path).__name__}; expected a path")
        return self._ready().execute(output=os.fspath(path), format=format)

    # -- how it looks
    # ----------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        """Return the steps; nothing is read."""
        limit = f", limit={self._settings.limit!r}" if self._settings.limit is not None else ""
        lines = "\n".join(f"  {_cut(line, 160)}" for line in shown(self._plan))
        return f"<tidegate frame{limit}: not run\n{lines}\n>"

    def _repr_html_(self) -> str:
        """Return the steps, and the first rows of the source; the query is not run."""
        from html import escape

        steps = "".join(f"<li><code>{escape(_cut(line, 300))}</code></li>" for line in shown(self._plan))
        return f"<div><p><b>tidegate frame</b>, not run</p><ol>{steps}</ol>{self._preview_html()}</div>"

    def _preview_html(self) -> str:
        from html import escape

        source = self._plan
        while isinstance(source, Step):
            source = source.input
        if not isinstance(source, (Files, Table)):
            return ""
        try:
            ready = Ready(source, self._settings)
            result = ready.execute(f"{ready.sql}\nLIMIT {_PREVIEW_ROWS}")
            names, rows = list(result.schema), [list(row) for row in _rows(result)]
        except (TidegateError, OSError) as error:
            return f"<p>{escape(str(error))}</p>"
        head = "".join(f"<th>{escape(_cut(name, 60))}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_cut(str(value), 80))}</td>" for value in row) + "</tr>" for row in rows
        )
        return f"<p>First rows of the source:</p><table><tr>{head}</tr>{body}</table>"

    def __dir__(self) -> list[str]:
        """Return attributes, and columns if they are known."""
        return [*super().__dir__(), *(name for name in self._plan_columns() or () if name.isidentifier())]

    def _plan_columns(self) -> Optional[Sequence[str]]:
        """Return the names of the columns, if they are known without asking the engine."""
        if isinstance(self._plan, Step) or self._plan._schema is None:  # pyright: ignore[reportPrivateUsage]
            return None
        return list(self._plan._schema)  # pyright: ignore[reportPrivateUsage]

    def _unknown(self, name: str, names: Sequence[str]) -> QueryError:
        return unknown_column(name, names)


def _rows(result: Result) -> Iterator[Sequence[Any]]:
    """Return the rows of a small result."""
    return iter(result.rows())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
