"""Tables of this process for a query: what they may be, and how a worker gets them."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Union

from . import _native
from ._errors import UsageError


class Kept:
    """A table that was written for workers, in a private file without a name. It is gone with this object.

    Attributes
    ----------
    nbytes : int
        The size of the file, in bytes.
    schema : list of Field
        The columns.
    """

    def __init__(self, native: _native.KeptTable, schema: list[Any]) -> None:
        self._native = native
        self.nbytes = native.nbytes
        self.schema = schema

    @property
    def path(self) -> str:
        """What a worker opens; another one in a forked child."""
        return os.fspath(self._native.path)

    def __repr__(self) -> str:
        return f"<tidegate table of {len(self.schema)} columns, {self.nbytes:,} bytes>"


def keep(name: str, table: Any) -> Kept:
    """Return a table that was written once, for as many queries as there will be.

    Parameters
    ----------
    name : str
        What the table is called in errors.
    table : object
        An object with ``__arrow_c_stream__``, or a pandas frame.

    Raises
    ------
    TypeError
        If it is no table.
    """
    if isinstance(table, Kept):
        return table
    from ._result import Field

    batches = native_batches(name, table)
    schema = [Field(*field) for field in batches.schema()]
    return Kept(batches.keep(spool_folder()), schema)


def check(name: str, table: Any) -> None:
    """Raise a ``TypeError`` that names the argument, unless it can be a table."""
    if isinstance(table, Kept) or callable(table) or hasattr(table, "__arrow_c_stream__") or _is_pandas(table):
        return
    raise TypeError(
        f"{name}: expected a frame, a table or another object with __arrow_c_stream__, or a function that returns one, "
        f"not {type(table).__name__}"
    )


def ready(name: str, table: Any) -> Union[Kept, _native.Batches]:
    """Return a table as a worker takes it: written, or a stream that is read once."""
    from ._result import Result

    if isinstance(table, Result):
        return native_batches(name, table)
    if callable(table) and not hasattr(table, "__arrow_c_stream__"):
        made = table()
        check(f"what the function for {name!r} returned", made)
        return native_batches(name, made)
    # A reader of PyArrow can be read once.
    if hasattr(table, "read_next_batch"):
        return native_batches(name, table)
    return keep(name, table)


def written(name: str, table: Any) -> Kept:
    """Return a table as a file of which samples can be read; what a function returns is read for it.

    Raises
    ------
    UsageError
        If it is a result: whoever looks at a sample of it takes its rows away.
    """
    from ._result import Result

    if isinstance(table, Result) or hasattr(table, "read_next_batch"):
        raise UsageError(
            f"tables[{name!r}]: what is read once cannot be forecast",
            help="give what `collect()` returns, or a function",
        )
    ready_ = ready(name, table)
    if isinstance(ready_, Kept):
        return ready_
    return Kept(ready_.keep(spool_folder()), [])


def native_batches(name: str, table: Any) -> _native.Batches:
    """Return any table as native batches, without a copy.

    Raises
    ------
    TypeError
        If it is none.
    """
    from ._result import Rows

    if isinstance(table, Rows):
        return table._batches()
    if isinstance(table, _native.Table):
        return table.to_batches()
    if _is_pandas(table):
        from ._pandas import table_of

        table = table_of(name, table)
    if hasattr(table, "__arrow_c_stream__"):
        return _native.Batches.of_capsule(table.__arrow_c_stream__())
    raise TypeError(
        f"{name}: expected an object with __arrow_c_stream__, or a pandas frame, not {type(table).__name__}"
    )


def native_table(name: str, table: Any) -> _native.Table:
    """Return any table as a native one, without a copy."""
    return native_batches(name, table).collect()


def spool_folder() -> str:
    """Return the folder for tables on their way: ``TIDEGATE_SPILL_DIR``, or the temporary one if that is on a disk."""
    return os.environ.get("TIDEGATE_SPILL_DIR") or os.fspath(_native.spool_folder(tempfile.gettempdir()))


def is_unchanging(table: Any) -> bool:
    """Tell whether a table stays what it is, so that it need not be written anew for each query."""
    from ._table import Table

    kind = type(table)
    return isinstance(table, Table) or (
        kind.__module__.partition(".")[0] == "pyarrow" and kind.__name__ in ("Table", "RecordBatch")
    )


def _is_pandas(table: Any) -> bool:
    """Tell a pandas frame without importing pandas."""
    kind = type(table)
    return kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"
