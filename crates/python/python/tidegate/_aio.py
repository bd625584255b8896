"""Waiting without holding up an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Callable, TypeVar

_T = TypeVar("_T")


async def run(function: Callable[[], _T], cancel: Callable[[], None]) -> _T:
    """Return what a function returns that waits, in a thread of the event loop's own.

    Parameters
    ----------
    function : callable
        What waits.
    cancel : callable
        What makes it end soon. It is called if the task is cancelled, and the end is waited for, so that nothing goes
        on behind the caller's back.
    """
    future = asyncio.get_running_loop().run_in_executor(None, function)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        cancel()
        with contextlib.suppress(Exception):
            await future
        raise
