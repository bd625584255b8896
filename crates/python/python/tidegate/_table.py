"""Rows in this process, without any other package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Union, overload

from . import _native
from ._result import Field, Rows

_SHOWN = 10


class Table(Rows):
    """Rows in this process: what ``collect`` returns, and each batch of a result. It is read as often as one likes.

    Examples
    --------
    >>> from tidegate._engine import execute
    >>> table = execute("SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(n, letter) ORDER BY n").collect()
    >>> len(table), table.columns
    (2, ['n', 'letter'])
    >>> table["letter"]
    ['a', 'b']
    >>> for row in table:
    ...     print(row)
    (1, 'a')
    (2, 'b')
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Table) -> None:
        self._native = native

    def _batches(self) -> _native.Batches:
        return self._native.to_batches()

    @property
    def fields(self) -> list[Field]:
        """The columns in order."""
        return [Field(*field) for field in self._native.schema_fields()]

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return self._native.num_rows

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return self.num_rows, len(self.fields)

    @property
    def nbytes(self) -> int:
        """What the rows take, in bytes."""
        return self._native.nbytes

    def collect(self) -> Table:
        """Return this table."""
        return self

    def head(self, rows: int = 5) -> Table:
        """Return the first rows, without a copy.

        Parameters
        ----------
        rows : int, optional
            How many.
        """
        return Table(self._native.slice(0, max(0, rows)))

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows as tuples of Python objects."""
        return self._native.rows(0, self.num_rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dicts by the names of the columns."""
        names = self.columns
        return [dict(zip(names, row)) for row in self.rows()]

    def to_pydict(self) -> dict[str, list[Any]]:
        """Return the columns as lists by their names."""
        return {name: self._native.column(at) for at, name in enumerate(self.columns)}

    def item(self) -> Any:
        """Return the value of a table that has one row and one column.

        Raises
        ------
        ValueError
            If it has more, or none.
        """
        if self.shape != (1, 1):
            raise ValueError(f"a table of shape {self.shape} has not one value")
        return self.rows()[0][0]

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as tuples; objects are made a thousand rows at a time."""
        for start in range(0, self.num_rows, 1000):
            yield from self._native.rows(start, start + 1000)

    @overload
    def __getitem__(self, key: str) -> list[Any]: ...
    @overload
    def __getitem__(self, key: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, key: slice) -> Table: ...
    def __getitem__(self, key: Union[str, int, slice]) -> Any:
        """Return a column by its name, a row by its number, or some of the rows by a slice."""
        if isinstance(key, str):
            if key not in self.columns:
                raise KeyError(key)
            return self._native.column(self.columns.index(key))
        if isinstance(key, slice):
            start, stop, step = key.indices(self.num_rows)
            if step != 1:
                raise ValueError("a slice of a table has no step")
            return Table(self._native.slice(start, stop))
        at = range(self.num_rows)[key]
        return self._native.rows(at, at + 1)[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.schema == other.schema and self.rows() == other.rows()

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __reduce__(self) -> Any:
        return _of_ipc, (self._native.to_ipc(),)

    def __repr__(self) -> str:
        rows = [[_text(value) for value in row] for row in self._native.rows(0, _SHOWN)]
        head = [_text(name) for name in self.columns]
        widths = [max(map(len, column)) for column in zip(head, *rows)] if head else []
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows]]
        if self.num_rows > _SHOWN:
            lines.append("...")
        return "\n".join([*lines, f"[{self.num_rows:,} rows x {len(head)} columns]"])

    def _repr_html_(self) -> str:
        from html import escape

        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        rows = self._native.rows(0, _SHOWN)
        body = "".join("<tr>" + "".join(f"<td>{escape(_text(value))}</td>" for value in row) + "</tr>" for row in rows)
        count = f"<p>{self.num_rows:,} rows x {len(self.columns)} columns</p>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{count}"


def _of_ipc(data: bytes) -> Table:
    """Return the table that was sent from another process."""
    return Table(_native.Table.of_ipc(data))


def _text(value: object) -> str:
    text = "NULL" if value is None else str(value).replace("\n", "\\n")
    return text if len(text) <= 40 else text[:39] + "…"
