"""What a frame gives when it is asked for rows, for its columns, or how it looks."""

from __future__ import annotations

import tidegate._engine as _engine
from tidegate._errors import TidegateError, UsageError
from tidegate._frame_compile import unknown_column
from tidegate._frame_plan import Files, Mapped, Plan, Step, Table, shown, walk
from tidegate._frame_run import Ready, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence
    from typing import Any, Callable, Optional, Union

    from tidegate._errors import QueryError
    from tidegate._forecasts import Forecast
    from tidegate._frame import LazyFrame
    from tidegate._result import Result
    from tidegate._table import Table as Rows
    from tidegate._udf import As

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

    # -- what it is --

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
        return "\n".join("  ".join(str(value) for value in row) for row in result.rows())

    def forecast(self) -> Forecast:
        """Return what the query will need: peak memory as an interval, spill, time.

        The query is not run; samples are. Tables of this process are written for it, and what is read once is an error.
        """
        if any(isinstance(part, Mapped) for part in walk(self._plan)):
            raise UsageError(
                "what a function of map_batches will need cannot be forecast", help="forecast the frame before it"
            )
        ready = self._ready()
        return _engine.forecast(
            ready.sql,
            limit=self._settings.limit,
            threads=self._settings.threads,
            tables=ready.tables(ready.sql) or None,
        )

    # -- rows --

    def execute(self) -> Result:
        """Return the result of the query: its rows as they come, its progress, its record. It is read once.

        The query starts when something of the result is asked for.
        """
        if isinstance(self._plan, Mapped):
            return self._plan.stream()
        return self._ready().execute()

    def collect(self) -> Rows:
        """Run the query, and return its rows as a :class:`tidegate.Table`, which needs no other package."""
        return self.execute().collect()

    async def collect_async(self) -> Rows:
        """Run the query without holding up an event loop. If the task is cancelled, the query is, too."""
        import asyncio

        result = await asyncio.get_running_loop().run_in_executor(None, self.execute)
        return await result.collect_async()

    def to_pandas(self) -> Any:
        """Run the query, and return a ``pandas.DataFrame``."""
        return self.execute().to_pandas()

    def to_polars(self) -> Any:
        """Run the query, and return a ``polars.DataFrame``."""
        return self.execute().to_polars()

    def to_arrow(self) -> Any:
        """Run the query, and return a ``pyarrow.Table``."""
        return self.execute().to_arrow()

    def to_numpy(self, *, out: Optional[Path] = None, dtype: Any = None) -> Any:
        """Run the query, and return a matrix of its columns.

        Parameters
        ----------
        out
            A ``.npy`` file to write; the matrix is then an ``np.memmap``, and can be larger than memory.
        dtype
            The type of the values; by default one that holds all columns.

        """
        return self.execute().to_numpy(out=out, dtype=dtype)

    def iter_batches(self) -> Iterator[Rows]:
        """Run the query, and yield its batches as they come; while none is asked for, the engine waits.

        Each is a :class:`tidegate.Table`, which has ``.to_pandas()`` and the others.
        """
        return self.execute().iter_batches()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Run the query, and give its batches to whoever knows Arrow's C interface: PyArrow, Polars, pandas, DuckDB."""
        return self.execute().__arrow_c_stream__(requested_schema)

    def count(self) -> int:
        """Run the query, and return how many rows there are."""
        ready = self._ready()
        return int(ready.execute(f"SELECT count(*) AS n FROM (\n{ready.sql}\n) AS t").rows()[0][0])

    def map_batches(
        self, function: Callable[[Any], Any], *, schema: Any = None, as_: As = "arrow", workers: int = 0
    ) -> LazyFrame:
        """Put every batch through a Python function of yours; the order stays, and the result is a frame again.

        Parameters
        ----------
        function
            Takes a batch and returns one: a frame or a table, with other columns, and as many rows as it likes.
        schema
            The columns that it returns: ``{"status": "int64", "path": str}``, or a ``pyarrow.Schema``. By default those
            of the first batch that it returns.
        as_
            What it takes: ``"arrow"`` (a ``pyarrow.RecordBatch``), ``"pandas"``, ``"polars"``, or ``"table"`` (a
            :class:`tidegate.Table`, which needs no other package).
        workers
            How many processes run it; 0 is this one. The limit is then divided between them and the engine.

        """
        from tidegate._frame import LazyFrame

        if not callable(function):
            raise TypeError(f"function is of type {type(function).__name__}; expected a function of a batch")
        plan, settings = self._plan, self._settings

        def stream() -> Result:
            rows = plan.stream() if isinstance(plan, Mapped) else Ready(plan, settings).execute()
            return rows.map_batches(function, schema=schema, as_=as_, workers=workers)

        return LazyFrame(Mapped(plan, stream), settings)

    # -- files --

    def write_parquet(self, path: Path) -> None:
        """Run the query, and write its rows to a Parquet file, which appears whole or not at all.

        Parameters
        ----------
        path
            The file.

        """
        self._write(path, "parquet")

    def write_csv(self, path: Path) -> None:
        """Run the query, and write its rows to a CSV file, which appears whole or not at all.

        Parameters
        ----------
        path
            The file.

        """
        self._write(path, "csv")

    def write_ndjson(self, path: Path) -> None:
        """Run the query, and write its rows to a file of JSON objects, which appears whole or not at all.

        Parameters
        ----------
        path
            The file.

        """
        self._write(path, "ndjson")

    def _write(self, path: Path, format: str) -> None:
        import os

        if not isinstance(path, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"path is of type {type(path).__name__}; expected a path")
        self._ready().execute(output=os.fspath(path), format=format)

    # -- how it looks --

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
            table = ready.execute(f"{ready.sql}\nLIMIT {_PREVIEW_ROWS}").collect()
        except (TidegateError, OSError) as error:
            return f"<p>{escape(str(error))}</p>"
        html = table._repr_html_()
        return f"<p>First rows of the source:</p>{html}"

    def __dir__(self) -> list[str]:
        """Return attributes, and columns if they are known."""
        return [*super().__dir__(), *(name for name in self._plan_columns() or () if name.isidentifier())]

    def _plan_columns(self) -> Optional[Sequence[str]]:
        """Return the names of the columns, if they are known without asking the engine."""
        if isinstance(self._plan, Step) or self._plan._schema is None:
            return None
        return list(self._plan._schema)

    def _unknown(self, name: str, names: Sequence[str]) -> QueryError:
        return unknown_column(name, names)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
