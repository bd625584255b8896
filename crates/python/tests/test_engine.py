"""Queries: what they are given, what they answer, how they fail."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import tidegate as tg
from tidegate import _engine


def test_a_query_answers(log: Path) -> None:
    table = _engine.execute(f"SELECT status, count(*) AS n FROM '{log}' GROUP BY status ORDER BY status").collect()
    assert table.rows() == [(200, 800), (500, 200)]
    assert table.columns == ["status", "n"]


def test_relative_paths_start_where_this_process_is(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (log.parent, log.parent / "below"):
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        path = log.name if folder == log.parent else f"../{log.name}"
        assert _engine.execute(f"SELECT count(*) FROM '{path}'").collect().item() == 1000


def test_a_worker_is_used_again() -> None:
    pids = set()
    for _ in range(5):
        result = _engine.execute("SELECT 1")
        result.collect()
        pids.add(result.worker_pid)
    assert len(pids) == 1
    assert pids <= set(_engine.worker_pids())


def test_released_workers_are_gone() -> None:
    _engine.execute("SELECT 1").collect()
    assert _engine.release_workers() > 1 << 20
    assert _engine.worker_pids() == []
    assert _engine.execute("SELECT 2").collect().item() == 2


def test_a_result_starts_when_it_is_asked_and_is_read_once() -> None:
    result = _engine.execute("SELECT 1 AS one")
    assert not result.started
    assert "not started" in repr(result)
    assert result.schema == {"one": "Int64"}
    assert result.record is None
    assert result.collect().rows() == [(1,)]
    assert result.record is not None
    assert result.collect().rows() == []
    assert next(result.iter_batches(), None) is None


def test_a_preview_takes_nothing_away(endless: str) -> None:
    with _engine.execute(endless) as result:
        assert result.preview(3).rows() == [(1,), (2,), (3,)]
        assert result.preview(2).rows() == [(1,), (2,)]
        assert next(result.iter_batches())[0] == (1,)


def test_what_is_shown_runs_nothing(endless: str) -> None:
    result = _engine.execute(endless)
    assert "generate_series" in repr(result)
    assert "generate_series" in result._repr_html_()
    assert not result.started


def test_a_query_that_cannot_be_understood() -> None:
    with pytest.raises(tg.QueryError) as caught:
        _engine.execute("SELECT nope FROM range(0, 3)").collect()
    assert "nope" in str(caught.value)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(tg.QueryError) as caught:
        _engine.execute("SELECT 1\nFRM t").collect()
    assert caught.value.place is not None
    assert caught.value.place.line >= 1


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(tg.InputError) as caught:
        _engine.execute(f"SELECT * FROM '{tmp_path}/nothing.log'").collect()
    assert isinstance(caught.value, OSError)
    assert "nothing.log" in str(caught.value)


def test_too_many_rejects(tmp_path: Path, log: Path) -> None:
    log.write_text(log.read_text() + "rubbish\n" * 500)
    rejects = tmp_path / "rejects.ndjson"
    with pytest.raises(tg.RejectsError) as caught:
        _engine.execute(f"SELECT count(*) FROM '{log}'", max_rejects="1%", rejects=rejects).collect()
    assert caught.value.record is not None
    assert rejects.read_text().count("\n") == 500
    assert _engine.execute(f"SELECT count(*) FROM '{log}'", max_rejects=1000).collect().item() == 1000


def test_a_query_that_needs_more_than_its_limit() -> None:
    query = "SELECT array_agg(repeat('x', 1000)) FROM generate_series(1, 200000)"
    with pytest.raises(MemoryError) as caught:
        _engine.execute(query, limit="64MiB").collect()
    assert isinstance(caught.value, tg.MemoryLimitError)
    assert _engine.execute("SELECT 1", limit="64MiB").collect().item() == 1


@pytest.mark.parametrize("format", ["parquet", "csv", "ndjson"])
def test_rows_go_to_a_file(format: str, in_folder: Path) -> None:
    result = _engine.execute("SELECT value FROM range(0, 1000)")
    getattr(result, f"write_{format}")(f"out.{format}")
    assert (in_folder / f"out.{format}").stat().st_size > 1000
    assert result.record is not None
    done = _engine.execute("SELECT value FROM range(0, 10)", output="ten.csv")
    assert done.record is not None
    assert (in_folder / "ten.csv").read_text().split() == ["value", *map(str, range(10))]


def test_progress_is_told() -> None:
    told: list[tg.Progress] = []
    result = _engine.execute("SELECT max(value) FROM generate_series(1, 200000000)", on_progress=told.append)
    assert result.collect().item() == 200000000
    assert all(each.resident > 0 for each in told)


def test_what_progress_raises_ends_the_query(endless: str) -> None:
    def stop(progress: tg.Progress) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        _engine.execute(f"SELECT max(value) FROM ({endless})", on_progress=stop).collect()
    assert _engine.execute("SELECT 1").collect().item() == 1


def test_a_query_is_cancelled_from_another_thread(endless: str) -> None:
    result = _engine.execute(endless)
    batches = result.iter_batches()
    next(batches)
    threading.Thread(target=result.cancel).start()
    with pytest.raises(tg.CancelledError):
        for _ in batches:
            pass
    assert _engine.execute("SELECT 1").collect().item() == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"sql": 1}, "sql"),
        ({"limit": 1.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"threads": "2"}, "threads"),
        ({"tables": [1]}, "tables"),
        ({"tables": {"t": 1}}, r"tables\['t'\]"),
        ({"output": 1}, "output"),
        ({"format": 1}, "format"),
        ({"max_rejects": 0.5}, "max_rejects"),
        ({"rejects": 1}, "rejects"),
        ({"on_progress": 1}, "on_progress"),
    ],
)
def test_a_wrong_type_names_the_argument(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(TypeError, match=f"^{named}: "):
        _engine.execute(**{"sql": "SELECT 1", **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"limit": "12MB"}, "64 MiB"),
        ({"limit": "much"}, "much"),
        ({"threads": 0}, "threads"),
        ({"format": "csv"}, "output"),
        ({"format": "xls", "output": "a.xls"}, "xls"),
    ],
)
def test_what_makes_no_sense(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(tg.UsageError, match=named):
        _engine.execute("SELECT 1", **arguments)  # type: ignore[arg-type]


def test_a_forecast(log: Path) -> None:
    forecast = _engine.forecast(f"SELECT path, count(*) FROM '{log}' GROUP BY path", limit="256MB")
    assert 0 < forecast.peak.expected <= forecast.bound <= 256_000_000
    assert forecast.mode
    with pytest.raises(tg.QueryError, match="nope"):
        _engine.forecast(f"SELECT nope FROM '{log}'")


def test_a_forecast_with_tables_of_this_process(log: Path) -> None:
    ips = _engine.execute("SELECT '10.0.0.' || value AS ip FROM range(0, 5)").collect()
    query = f"SELECT count(*) FROM '{log}' JOIN ips ON client = ip"
    for table in (ips, lambda: ips):
        forecast = _engine.forecast(query, limit="256MB", tables={"ips": table})
        assert 500 < forecast.rows_in.expected < 2000
        assert 0 < forecast.bound <= 256_000_000
    with pytest.raises(tg.UsageError, match="read once"):
        _engine.forecast(query, tables={"ips": _engine.execute("SELECT '10.0.0.1' AS ip")})
    frame = tg.register("ips", ips)
    try:
        assert frame.forecast().rows_out.expected > 0
        with pytest.raises(tg.UsageError, match="map_batches"):
            frame.map_batches(lambda batch: batch).filter(tg.col("ip") == "a").forecast()
    finally:
        tg.unregister("ips")


def test_a_forecast_of_pandas(in_folder: Path) -> None:
    (in_folder / "f.csv").write_text("a,b\n" + "".join(f"{n},word{n % 3}\n" for n in range(5000)))
    forecast = _engine.forecast_pandas("f.csv", columns=["a"])
    assert "read_csv" in forecast.line
    assert forecast.bound > 0
    assert 4000 < forecast.rows.expected < 6000
