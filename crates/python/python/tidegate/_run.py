"""What a query is made of, before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from . import _engine

if TYPE_CHECKING:
    from . import _native


class Run(NamedTuple):
    """A query that can be started, also more than once.

    Parameters
    ----------
    sql : str
        The query.
    limit : int, optional
        In bytes; ``None`` is no limit.
    threads, tables, output, format, max_rejects, rejects, on_progress
        As of :func:`tidegate._engine.execute`, checked.
    """

    sql: str
    limit: Optional[int]
    threads: Optional[int]
    tables: Mapping[str, Any]
    output: Optional[str]
    format: Optional[str]
    max_rejects: Optional[str]
    rejects: Optional[str]
    on_progress: Optional[Callable[..., object]]

    def with_limit(self, limit: int) -> Run:
        """Return the query with another limit, in bytes."""
        return self._replace(limit=limit)

    def with_output(self, path: str, format: str) -> Run:
        """Return the query with its rows going to a file."""
        return self._replace(output=path, format=format)

    def start(self) -> tuple[_native.Batches, Any]:
        """Return the batches of the query, and what has to live as long as they are read."""
        files: dict[str, str] = {}
        streams: dict[str, Any] = {}
        kept: list[Any] = []
        if self.tables:
            from . import _tables

            for name, table in self.tables.items():
                ready = _tables.ready(name, table)
                if isinstance(ready, _tables.Kept):
                    files[name] = ready.path
                    kept.append(ready)
                else:
                    streams[name] = ready
        task = _engine.task_json(
            sql=self.sql,
            limit=self.limit,
            threads=self.threads,
            max_rejects=self.max_rejects,
            rejects=self.rejects,
            output=None if self.output is None else {"file": {"path": self.output, "format": self.format}},
        )
        pool = _engine.pool()
        batches = pool.start(task, limit=self.limit, files=files, streams=streams, on_progress=self.on_progress)
        return batches, kept
