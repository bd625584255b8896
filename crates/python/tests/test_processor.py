"""Load, process, release, continue: over files, queries, frames and iterators; what fails stands in the turn."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tidegate._errors import InputError, MemoryLimitError
from tidegate._memory_kernel import resident_now
from tidegate._memory_limits import own_limits
from tidegate._processor import DataProcessor, should_release
from tidegate._release import release_memory


@pytest.fixture(autouse=True)
def _clean() -> None:
    """Have nothing of an earlier test in the heap, where growth would find room."""
    release_memory()


def _texts(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"part{number}.txt" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text("line\n" * (number + 1))
    return paths


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def test_step_by_step() -> None:
    with DataProcessor([[1, 2, 3], [4, 5]], limit="1TB") as job:
        assert job.load_data() == [1, 2, 3]
        assert job.data == [1, 2, 3]
        assert job.process_data(sum) == 6
        assert job.process_data(len) == 3
        assert job.clear_memory() >= 0
        assert job.data is None
        assert job.load_data() == [4, 5]
        assert job.load_data() is None
        assert job.load_data() is None
    assert [(turn.number, turn.source, turn.tasks, turn.rows) for turn in job.turns] == [
        (1, "chunk 1", ("sum", "len"), 3),
        (2, "chunk 2", (), 2),
    ]
    assert not own_limits
    assert job.clear_memory() == 0


def test_in_one_loop_with_several_functions() -> None:
    job = DataProcessor(iter([[1, 2], [3]]))
    assert list(job.run(sum, len)) == [(3, 2), (3, 1)]
    assert list(DataProcessor([[1, 2], [3]]).run(sum)) == [3, 3]


def test_files_folders_patterns_and_lists(tmp_path: Path) -> None:
    paths = _texts(tmp_path, 3)
    (tmp_path / ".hidden").write_text("x")
    for source in (tmp_path, str(tmp_path / "part*.txt"), paths, [str(paths[0]), tmp_path / "part[12].txt"]):
        job = DataProcessor(source, load=_lines)
        assert list(job.run(len)) == [1, 2, 3]
        assert [turn.source for turn in job.turns] == ["part0.txt", "part1.txt", "part2.txt"]
    with pytest.raises(InputError, match="no file matches"):
        list(DataProcessor(str(tmp_path / "none*.txt")).run(len))
    with pytest.raises(InputError, match="no file matches"):
        list(DataProcessor(tmp_path / "none.txt").run(len))


def test_pandas_reads_files_whole_or_in_parts(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": range(10)})
    frame.to_csv(tmp_path / "one.csv", index=False)
    frame.to_csv(tmp_path / "two.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "three.ndjson", orient="records", lines=True)
    assert list(DataProcessor(tmp_path).run(lambda part: int(part.a.sum()))) == [45, 45, 45]
    job = DataProcessor(tmp_path, chunk_rows=4)
    assert list(job.run(len)) == [4, 4, 2] * 3
    assert [turn.source for turn in job.turns][:4] == ["one.csv 1", "one.csv 2", "one.csv 3", "three.ndjson 1"]
    chunks = pandas.read_csv(tmp_path / "one.csv", chunksize=6)
    assert list(DataProcessor(chunks).run(len)) == [6, 4]
    assert list(DataProcessor(frame, chunk_rows=4).run(len)) == [4, 4, 2]
    assert list(DataProcessor(frame).run(len)) == [10]


def test_parquet_polars_and_arrow(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    pandas.DataFrame({"a": range(10)}).to_parquet(tmp_path / "f.parquet")
    assert list(DataProcessor(tmp_path / "f.parquet").run(len)) == [10]
    assert list(DataProcessor(tmp_path / "f.parquet", chunk_rows=4).run(len)) == [4, 4, 2]
    assert list(DataProcessor(polars.DataFrame({"a": range(10)}), chunk_rows=4).run(len)) == [4, 4, 2]
    job = DataProcessor(pyarrow.table({"a": range(10)}), chunk_rows=8)
    assert list(job.run(len)) == [8, 2]
    assert [turn.rows for turn in job.turns] == [8, 2]


class _Result:
    def __init__(self) -> None:
        self.closed = False

    def iter_batches(self) -> Iterator[list[int]]:
        try:
            yield [1, 2]
            yield [3]
        finally:
            self.closed = True


def test_queries_and_frames_come_in_batches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import tidegate

    asked: list[tuple[str, Any]] = []
    result = _Result()

    def execute(sql: str, *, limit: Any = None) -> _Result:
        asked.append((sql, limit))
        return result

    engine = types.ModuleType("tidegate._engine")
    engine.execute = execute  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tidegate._engine", engine)
    monkeypatch.setattr(tidegate, "_engine", engine, raising=False)
    log = tmp_path / "it's.log"
    log.write_text("x")
    assert list(DataProcessor("SELECT * FROM 'x'", limit="1TB").run(sum)) == [3, 3]
    assert list(DataProcessor(log).run(sum)) == [3, 3]
    assert list(DataProcessor(_Result()).run(sum)) == [3, 3]
    quoted = str(log).replace("'", "''")
    assert asked == [("SELECT * FROM 'x'", 500_000_000_000), (f"SELECT * FROM '{quoted}'", None)]
    result.closed = False
    with DataProcessor("SELECT 1") as job:
        job.load_data()
    assert result.closed


def test_a_turn_that_fails_is_recorded_and_the_next_goes_on(tmp_path: Path) -> None:
    paths = _texts(tmp_path, 4)

    def work(lines: list[str]) -> int:
        if len(lines) == 3:
            raise KeyError("three")
        return len(lines)

    job = DataProcessor(paths, load=_lines)
    paths[1].unlink()
    assert list(job.run(work, errors="record")) == [1, 4]
    assert [turn.error is None for turn in job.turns] == [True, False, False, True]
    assert [turn.number for turn in job.failed] == [2, 3]
    assert job.failed[1].error == "KeyError: 'three'"
    assert "FileNotFoundError" in str(job.failed[0].error)
    assert "2 failed" in repr(job)


def test_an_error_is_raised_by_default_and_stands_in_the_turn() -> None:
    job = DataProcessor([[1], [2]])
    with pytest.raises(ZeroDivisionError):
        list(job.run(lambda chunk: 1 // 0))
    assert len(job.failed) == 1
    assert str(job.failed[0].error).startswith("ZeroDivisionError: ")
    assert job.load_data() is None


def test_an_iterator_that_fails_has_no_next_chunk() -> None:
    def chunks() -> Iterator[list[int]]:
        yield [1]
        raise OSError("unreadable")

    job = DataProcessor(chunks())
    assert list(job.run(len, errors="record")) == [1]
    assert [turn.error for turn in job.turns] == [None, "OSError: unreadable"]


def test_what_fails_in_a_block_stands_in_its_turn() -> None:
    with pytest.raises(RuntimeError), DataProcessor([[1]]) as job:
        job.load_data()
        raise RuntimeError("outside")
    assert [turn.error for turn in job.turns] == ["RuntimeError: outside"]


def test_the_limit_ends_a_turn_and_what_it_held_goes_back() -> None:
    before = resident_now()

    def grow(chunk: int) -> int:
        kept = [bytearray(1_000_000) for _ in range(chunk)]
        for _ in range(100_000_000 if chunk > 100 else 1):
            pass
        return len(kept)

    job = DataProcessor([10, 200, 20], limit=before + 120_000_000)
    assert list(job.run(grow, errors="record")) == [10, 20]
    assert str(job.failed[0].error).startswith("MemoryLimitError: memory limit of")
    assert job.turns[1].peak > before + 120_000_000
    assert job.turns[1].after < before + 60_000_000
    assert not own_limits
    with pytest.raises(MemoryLimitError):
        list(DataProcessor([200], limit=resident_now() + 120_000_000).run(grow))


def test_when_memory_is_given_back() -> None:
    assert not should_release(104_000_000, 100_000_000)
    assert should_release(109_000_000, 100_000_000)
    assert not should_release(1_040_000_000, 1_000_000_000)
    assert should_release(1_060_000_000, 1_000_000_000)
    for when in ("auto", "always", "never"):
        job = DataProcessor([1, 2], release=when)  # type: ignore[arg-type]
        assert list(job.run(lambda number: len(bytearray(number * 20_000_000)))) == [20_000_000, 40_000_000]


def test_nothing_of_a_chunk_stays() -> None:
    class Chunk:
        alive = 0

        def __init__(self) -> None:
            Chunk.alive += 1

        def __del__(self) -> None:
            Chunk.alive -= 1

    def fail(chunk: Chunk) -> None:
        raise ValueError("x")

    job = DataProcessor(Chunk() for _ in range(3))
    for _ in job.run(lambda chunk: None):
        assert Chunk.alive == 0
    list(DataProcessor(Chunk() for _ in range(3)).run(fail, errors="record"))
    assert Chunk.alive == 0


def test_turns_are_shown() -> None:
    job = DataProcessor([[number] for number in range(100)])
    assert job.report().endswith("no turns")
    list(job.run(sum))
    lines = job.report().splitlines()
    assert lines[0].split() == ["turn", "source", "result", "rows", "before", "peak", "after", "released", "time"]
    assert len(lines) == 43
    assert lines[-1].startswith("100 turns, 0 failed, 100 rows, highest")
    assert "<table>" in job._repr_html_()


def test_no_thread_stays() -> None:
    threads = threading.active_count()
    list(DataProcessor([1, 2, 3], limit="1TB").run(str))
    job = DataProcessor([1, 2, 3], limit="1TB")
    for _ in job.run(str):
        break
    job.close()
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"source": 5}, TypeError, "source"),
        ({"source": b"x"}, TypeError, "source"),
        ({"source": [], "limit": 1.5}, TypeError, "limit"),
        ({"source": [], "chunk_rows": "3"}, TypeError, "chunk_rows"),
        ({"source": [], "chunk_rows": 0}, ValueError, "chunk_rows"),
        ({"source": [], "load": 3}, TypeError, "load"),
        ({"source": [], "release": "later"}, ValueError, "release"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=f"`{name}`"):
        DataProcessor(**arguments)


def test_wrong_calls_are_named() -> None:
    job = DataProcessor([])
    with pytest.raises(RuntimeError, match="load_data"):
        job.process_data(len)
    with pytest.raises(TypeError, match="needs a function"):
        job.run()
    with pytest.raises(ValueError, match="`errors`"):
        job.run(len, errors="ignore")  # type: ignore[arg-type]
