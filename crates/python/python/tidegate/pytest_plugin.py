"""A plugin of pytest: tests that fail when they take too much memory, or keep some.

``@pytest.mark.limit_memory("200 MB")``
    The test may not grow by more than that at its peak, as the kernel counts.
``@pytest.mark.no_leak``, ``@pytest.mark.no_leak(threshold="1 MB", repeats=10, warmup=20)``
    The test is repeated until it is warm, and then so often; what it keeps of all that must stay below the threshold.

pytest-memray knows a marker ``limit_memory``, too; where that plugin is at work, the marker is left to it.

Nothing but pytest is imported before a marked test runs. It works with pytest-xdist: each worker is a process, and
measures itself.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Generator
from typing import Any, Callable

import pytest

__all__ = ["pytest_configure", "pytest_pyfunc_call", "pytest_runtest_call"]

_THRESHOLD = "1 MB"
_REPEATS = 10
_WARMUP = 20


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    config.addinivalue_line(
        "markers",
        'limit_memory(limit): the most by which resident memory may grow in the test: "200 MB", a number of bytes',
    )
    config.addinivalue_line(
        "markers",
        f'no_leak(threshold="{_THRESHOLD}", repeats={_REPEATS}, warmup={_WARMUP}): '
        "the test is repeated, and may keep no memory",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Have a test that may not leak be called several times, by whoever calls it."""
    marker = pyfuncitem.get_closest_marker("no_leak")
    if marker is not None and not hasattr(pyfuncitem.obj, "_tidegate_repeats"):
        pyfuncitem.obj = _repeated(pyfuncitem, **_leak_options(marker))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Measure a test that has a limit. Fixtures are not in it, except for what they still do while the test runs."""
    marker = item.get_closest_marker("limit_memory")
    if marker is None or item.config.pluginmanager.has_plugin("memray"):
        return (yield)
    limit = _limit_of(marker)
    from ._pytest_measure import GrowthWatch

    watch = GrowthWatch(limit)
    try:
        outcome = yield
    finally:
        watch.stop()
        item.user_properties.append(("memory_growth", watch.growth))
    message = watch.message()
    if message is not None:
        pytest.fail(message, pytrace=False)
    return outcome


def _limit_of(marker: pytest.Mark) -> int:
    """Return the limit that a marker names, in bytes."""
    from ._memory_sizes import parse_size

    arguments = [*marker.args, *([marker.kwargs["limit"]] if "limit" in marker.kwargs else [])]
    if len(arguments) != 1 or set(marker.kwargs) - {"limit"}:
        raise pytest.UsageError('write the marker as @pytest.mark.limit_memory("200 MB")')
    try:
        return parse_size(arguments[0], name="limit")
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"@pytest.mark.limit_memory: {error}") from None


def _leak_options(marker: pytest.Mark) -> dict[str, int]:
    """Return what a marker says of repeats, checked."""
    from ._memory_sizes import parse_size

    unknown = set(marker.kwargs) - {"threshold", "repeats", "warmup"}
    if marker.args or unknown:
        raise pytest.UsageError(
            'write the marker as @pytest.mark.no_leak, or no_leak(threshold="1 MB", repeats=10, warmup=20)'
        )
    try:
        threshold = parse_size(marker.kwargs.get("threshold", _THRESHOLD), name="threshold")
        repeats = parse_size(marker.kwargs.get("repeats", _REPEATS), name="repeats")
        warmup = parse_size(marker.kwargs.get("warmup", _WARMUP), name="warmup")
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"@pytest.mark.no_leak: {error}") from None
    if repeats < 1:
        raise pytest.UsageError("@pytest.mark.no_leak: `repeats` must be 1 or more")
    return {"threshold": threshold, "repeats": repeats, "warmup": warmup}


def _repeated(item: pytest.Function, *, threshold: int, repeats: int, warmup: int) -> Callable[..., Any]:
    """Return a function that calls a test until it is warm, and then so often, and fails if it keeps memory."""
    from ._pytest_measure import LeakWatch

    test = item.obj

    def begin() -> LeakWatch:
        return LeakWatch(threshold=threshold, repeats=repeats, warmup=warmup)

    def end(watch: LeakWatch) -> None:
        item.user_properties.append(("memory_kept", watch.kept))
        message = watch.message()
        if message is not None:
            pytest.fail(message, pytrace=False)

    if inspect.iscoroutinefunction(test) or asyncio.iscoroutinefunction(test):

        @functools.wraps(test)
        async def repeated_async(*args: Any, **kwargs: Any) -> None:
            watch = begin()
            while watch.again():
                await test(*args, **kwargs)
            end(watch)

        repeated_async._tidegate_repeats = repeats  # type: ignore[attr-defined]
        return repeated_async

    @functools.wraps(test)
    def repeated(*args: Any, **kwargs: Any) -> None:
        watch = begin()
        while watch.again():
            test(*args, **kwargs)
        end(watch)

    repeated._tidegate_repeats = repeats  # type: ignore[attr-defined]
    return repeated
