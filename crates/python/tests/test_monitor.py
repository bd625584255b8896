"""Memory over time, and by function and line."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from tidegate._memory_kernel import resident_now
from tidegate._memory_text import bar, html_table, sparkline, svg_timeline, table
from tidegate._monitor import Sample, Timeline, monitor
from tidegate._profile import profile
from tidegate._release import release_memory


@pytest.fixture(autouse=True)
def _clean() -> None:
    """Have nothing of an earlier test in the heap, where growth would find room."""
    release_memory()


def _until_sampled(m: Any, count: int) -> None:
    """Run lines of Python until so many samples more were taken."""
    wanted = len(m.samples) + count
    while len(m.samples) < wanted:
        pass


def test_before_peak_and_after() -> None:
    with monitor(hz=500) as m:
        before = resident_now()
        large = bytearray(100_000_000)
        _until_sampled(m, 3)
        del large
    assert abs(m.before - before) < 4_000_000
    assert m.growth > 95_000_000
    assert abs(m.kept) < 10_000_000
    assert m.peak >= max(sample.rss for sample in m.samples)
    assert m.peak_line is not None
    assert m.peak_line.startswith("test_monitor.py:")
    assert all(sample.anonymous <= sample.rss for sample in m.samples)
    assert "▁" in m.sparkline() and "█" in m.sparkline()
    assert "peak" in repr(m)
    assert "<svg" in m._repr_html_()


def test_a_peak_between_samples_is_seen_by_the_kernel() -> None:
    with monitor(hz=0.1, exact=True) as m:
        len(bytearray(80_000_000))
    assert m.exact
    assert m.growth > 75_000_000


def test_a_peak_that_is_only_sampled_says_so() -> None:
    len(bytearray(600_000_000))
    with monitor(hz=100) as m:
        pass
    assert not m.exact
    assert "at least" in repr(m)


def test_a_block_that_fails_is_watched_to_its_end() -> None:
    m = monitor()
    with pytest.raises(ZeroDivisionError), m:
        1 / 0  # noqa: B018
    assert m.after > 0
    with pytest.raises(RuntimeError, match="started before"):
        m.start()


@pytest.mark.parametrize(
    ("arguments", "error"), [({"hz": 0}, ValueError), ({"hz": "5"}, TypeError), ({"capacity": 1}, ValueError)]
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"`{next(iter(arguments))}`"):
        monitor(**arguments)


def test_a_timeline_is_bounded_and_keeps_peaks() -> None:
    line = Timeline(16)
    for second in range(10_000):
        line.add(Sample(second, 7_000_000 if second == 4321 else second, 0))
    samples = line.samples()
    assert len(samples) <= 16
    assert max(sample.rss for sample in samples) == 7_000_000
    assert [sample.seconds for sample in samples] == sorted(sample.seconds for sample in samples)
    assert samples[-1].seconds == 9_999
    assert line.every >= 10_000 // 16


def test_text() -> None:
    assert sparkline([]) == ""
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline(list(range(1000)), width=8) == "▁▂▃▄▅▆▇█"
    assert bar(2.0, width=4) == "####"
    assert table(("a", "b"), [("x", "1")]) == "a  b\nx  1"
    assert "&lt;x&gt;" in html_table(("a",), [("<x>",)], caption="<x>")
    assert svg_timeline([0.0], [1]) == ""
    assert "stroke-dasharray" in svg_timeline([0.0, 1.0], [1, 2], limit=2)


def _job(room: int) -> int:
    first = bytearray(room)
    second = [bytes(100_000) for _ in range(10)]
    total = 0
    for number in range(100):
        total += number
    del first
    return len(second) + total


def test_a_call_is_told_by_line() -> None:
    texts: list[str] = []
    job = profile(report=texts.append)(_job)
    assert job(50_000_000) == 4960
    call = job.memory.worst
    assert call.peak - call.before > 48_000_000
    start = _job.__code__.co_firstlineno
    lines = {use.line - start: use for use in call.lines}
    assert lines[1].change > 48_000_000
    assert lines[6].change < -48_000_000
    assert lines[5].hits == 100
    assert lines[1].peak > call.before + 48_000_000
    assert "first = bytearray(room)" in texts[0]
    assert job.memory.report() == texts[0]
    assert job.__name__ == "_job"


def test_nothing_is_traced_afterwards() -> None:
    job = profile(report=False)(_job)
    before = sys.gettrace()
    job(1)
    job(1)
    assert sys.gettrace() is before
    assert job.memory.count == 2
    plain = profile(report=False, lines=False)(_job)
    plain(1)
    assert plain.memory.calls[0].lines == ()


def test_a_line_that_is_short_and_often_is_told_of_no_more() -> None:
    def loop(count: int) -> int:
        total = 0
        for number in range(count):
            total += number
        return total

    job = profile(report=False)(loop)
    for _ in range(2):
        assert job(30_000) == sum(range(30_000))
        most = max(use.hits for use in job.memory.calls[-1].lines)
        assert most == (10_000 if sys.version_info >= (3, 12) else 30_001)


def test_a_function_that_calls_itself_and_one_that_fails() -> None:
    @profile(report=False)
    def down(number: int) -> int:
        if number == 0:
            raise KeyError("end")
        return down(number - 1)

    with pytest.raises(KeyError):
        down(2)
    assert [call.error for call in down.memory.calls] == ["KeyError"] * 3
    assert "ended by KeyError" in down.memory.report()


def test_coroutines_are_profiled_and_generators_are_not() -> None:
    @profile(report=False)
    async def load(room: int) -> int:
        kept = bytearray(room)
        await asyncio.sleep(0)
        return len(kept)

    assert asyncio.run(load(30_000_000)) == 30_000_000
    assert load.memory.worst.peak - load.memory.worst.before > 28_000_000

    def rows() -> Any:
        yield 1

    with pytest.raises(TypeError, match="generator"):
        profile(rows)
    with pytest.raises(TypeError, match="decorates functions"):
        profile(3)  # type: ignore[call-overload]


def test_the_report_goes_to_the_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    profile(_job)(1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("_job: memory")
