"""A manager of memory: levels of pressure, who is told, and what must go before a task fits."""

from __future__ import annotations

import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest
from tidegate._errors import MemoryLimitError
from tidegate._limit import limit_memory
from tidegate._manager import LEVELS, MemoryManager, Pressure, forecast_bytes, level_of
from tidegate._memory_kernel import resident_now
from tidegate._memory_limits import own_limits
from tidegate._release import release_memory


@pytest.fixture(autouse=True)
def _clean() -> None:
    """Have nothing of an earlier test in the heap, where growth would find room."""
    release_memory()


def test_levels_rise_at_once_and_fall_a_little_later() -> None:
    levels = [level_of(used, 100) for used in (0, 69, 70, 84, 85, 96, 97, 250)]
    assert levels == ["calm", "calm", "rising", "rising", "high", "high", "critical", "critical"]
    assert level_of(68, 100, "rising") == "rising"
    assert level_of(66, 100, "rising") == "calm"
    assert level_of(95, 100, "critical") == "critical"
    assert level_of(83, 100, "critical") == "high"
    assert level_of(83, 100, "rising") == "rising"
    for used in range(120):
        for previous in LEVELS:
            assert level_of(used, 100, level_of(used, 100, previous)) == level_of(used, 100, previous)


def test_changes_are_told_in_order(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    manager = MemoryManager(limit=100, interval=3600)
    told: list[Pressure] = []

    @manager.on_pressure
    def tell(pressure: Pressure) -> None:
        told.append(pressure)

    def fail(_: Pressure) -> None:
        raise RuntimeError("broken")

    manager.on_pressure(fail)
    for used in (10, 72, 73, 99, 80, 10):
        monkeypatch.setattr("tidegate._manager.resident_now", lambda used=used: used)
        manager.look()
    manager.close()
    assert [(one.previous, one.level, one.rises) for one in told] == [
        ("calm", "rising", True),
        ("rising", "critical", True),
        ("critical", "rising", False),
        ("rising", "calm", False),
    ]
    assert told[1].share == 0.99
    assert len([record for record in caplog.records if record.name == "tidegate"]) == 4
    manager.remove_callback(tell)
    with pytest.raises(ValueError):
        manager.remove_callback(tell)


def test_a_thread_tells_by_itself_and_ends() -> None:
    told = threading.Event()
    threads = threading.active_count()
    with MemoryManager(limit=resident_now() * 2, interval=0.005) as manager:
        manager.on_pressure(lambda pressure: told.set())
        large = bytearray(resident_now())
        told.wait()
        assert manager.level in LEVELS[1:]
        del large
    manager.close()
    assert threading.active_count() == threads


def test_used_and_left_are_the_kernels() -> None:
    manager = MemoryManager(limit="10TB")
    assert abs(manager.used - resident_now()) < 4_000_000
    assert manager.left < 10**13
    with limit_memory(resident_now() + 500_000_000):
        assert manager.left <= 500_000_000
    assert MemoryManager(limit=1).left == 0
    assert "of 10.0 TB used, calm" in repr(manager)
    assert manager.release_memory() >= 0


def test_what_must_go_is_as_little_as_will_do() -> None:
    small, medium, large = bytearray(20_000_000), bytearray(60_000_000), bytearray(200_000_000)
    manager = MemoryManager(limit=resident_now() + 10_000_000)
    plan = manager.optimal_release(manager.left + 50_000_000, margin=0)
    assert 45_000_000 < plan.must_free < 60_000_000
    assert not plan.fits
    assert plan.possible
    assert [holder.size for holder in plan.drop] == [pytest.approx(60_000_000, rel=0.01)]
    assert "drop 60.0 MB  medium in test_what_must_go" in str(plan)
    more = manager.optimal_release(manager.left + plan.reclaimable + 240_000_000, margin=0)
    assert [holder.size // 10**6 for holder in more.drop][:2] == [200, 60]
    never = manager.optimal_release("50TB")
    assert not never.possible
    assert "work in chunks" in str(never)
    fitting = manager.optimal_release(0)
    assert fitting.fits
    assert fitting.drop == ()
    assert str(fitting).endswith("it fits")
    assert len(small) + len(medium) + len(large) == 280_000_000


class _Engine(types.ModuleType):
    """Stands for the engine, which has tests of its own."""

    def forecast(self, sql: str, *, limit: Any = None) -> Any:
        return types.SimpleNamespace(expected=5, bound=7, sql=sql, limit=limit)

    def forecast_pandas(self, path: str) -> Any:
        return types.SimpleNamespace(peak=11, path=path)


def test_tasks_are_sizes_queries_paths_and_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tidegate

    engine = _Engine("tidegate._engine")
    monkeypatch.setitem(sys.modules, "tidegate._engine", engine)
    monkeypatch.setattr(tidegate, "_engine", engine, raising=False)
    file = tmp_path / "f.csv"
    file.write_text("a\n1\n")
    frame = types.SimpleNamespace(forecast=lambda: types.SimpleNamespace(expected=13))
    assert forecast_bytes(12)[0] == 12
    assert forecast_bytes("2kB") == (2000, "a size")
    assert forecast_bytes("SELECT 1") == (7, "forecast of the query")
    assert forecast_bytes(" with a as (select 1) select * from a")[0] == 7
    assert forecast_bytes(file) == (11, "forecast of reading it with pandas")
    assert forecast_bytes(str(file))[0] == 11
    assert forecast_bytes(frame) == (13, "forecast of the frame")
    assert forecast_bytes(types.SimpleNamespace(nbytes=17))[0] == 17
    with pytest.raises(ValueError, match="neither a size, a query, nor a path"):
        forecast_bytes("nothing of that")
    with pytest.raises(TypeError, match="`next_task`"):
        forecast_bytes(object())
    with pytest.raises(TypeError, match="names no bytes"):
        forecast_bytes(types.SimpleNamespace(forecast=lambda: None))


def test_a_limit_can_be_enforced() -> None:
    with pytest.raises(MemoryLimitError), MemoryManager(limit=resident_now() + 60_000_000, enforce=True):
        kept = bytearray(100_000_000)
        for _ in range(100_000_000):
            pass
        del kept
    assert not own_limits


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"limit": None}, ValueError),
        ({"limit": "none"}, ValueError),
        ({"limit": 2.5}, TypeError),
        ({"interval": 0}, ValueError),
        ({"interval": ""}, TypeError),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        MemoryManager(**arguments)


def test_wrong_arguments_of_methods_are_named() -> None:
    manager = MemoryManager(limit="1GB")
    with pytest.raises(TypeError, match="`callback`"):
        manager.on_pressure(3)  # type: ignore[type-var]
    with pytest.raises(ValueError, match="`margin`"):
        manager.optimal_release(1, margin=-1)
    with pytest.raises(TypeError, match="`margin`"):
        manager.optimal_release(1, margin="1")  # type: ignore[arg-type]
