"""Cells of SQL, progress beside the limit, memory after a cell; in a shell of IPython without a terminal."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from tidegate import _notebook
from tidegate._errors import UsageError


class _Frame:
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return requested_schema


class _Result:
    def __init__(self, call: dict[str, Any]) -> None:
        self.call = call

    def preview(self, rows: int) -> None:
        self.rows = rows

    def to_pandas(self) -> str:
        progress = self.call["on_progress"]
        if progress is not None:
            progress(types.SimpleNamespace(resident=50_000_000, rows=1234))
        return "a pandas frame"

    def to_arrow(self) -> str:
        return "a table of Arrow"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    import tidegate

    asked: list[dict[str, Any]] = []

    def execute(sql: str, **options: Any) -> _Result:
        asked.append({"sql": sql, **options})
        return _Result(asked[-1])

    engine = types.ModuleType("tidegate._engine")
    engine.worker_pids = list  # type: ignore[attr-defined]
    engine.execute = execute  # type: ignore[attr-defined]
    tables = types.ModuleType("tidegate._frame_run")
    tables._registered = {"ips": "registered"}  # type: ignore[attr-defined]
    for name, module in (("_engine", engine), ("_frame_run", tables)):
        monkeypatch.setitem(sys.modules, f"tidegate.{name}", module)
        monkeypatch.setattr(tidegate, name, module, raising=False)
    return asked


class _Display:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, shown: Any, *, display_id: bool = False) -> _Display:
        self.lines.append(repr(shown))
        return self

    def update(self, shown: Any) -> None:
        self.lines.append(repr(shown))


def test_a_cell_is_a_query_with_options(calls: list[dict[str, Any]]) -> None:
    variables: dict[str, Any] = {"df": _Frame(), "other": _Frame(), "n": 5, "Kind": _Frame}
    show = _Display()
    cell = "SELECT 'other' FROM df JOIN IPS -- other\n;\n"
    found = _notebook.run_cell("--limit 512MB --threads 2", cell, variables=variables, show=show)
    assert isinstance(found, _Result)
    assert found.rows == 10
    assert calls[0]["sql"] == "SELECT 'other' FROM df JOIN IPS -- other"
    assert (calls[0]["limit"], calls[0]["threads"]) == ("512MB", 2)
    assert calls[0]["tables"] == {"df": variables["df"], "ips": "registered"}
    assert show.lines == []


def test_rows_are_kept_in_a_variable_and_progress_is_shown(calls: list[dict[str, Any]]) -> None:
    variables: dict[str, Any] = {}
    show = _Display()
    assert _notebook.run_cell("--limit 100MB -o rows", "SELECT 1", variables=variables, show=show) is None
    assert variables == {"rows": "a pandas frame"}
    assert "1,234 rows" in show.lines[0]
    assert "##########.......... 50.0 MB of 100 MB" in show.lines[0]
    assert show.lines[-1].endswith("memory ▁ 50.0 MB of 100 MB at the highest reading")
    _notebook.run_cell("-o t --as arrow --no-progress", "SELECT 1", variables=variables, show=show)
    assert variables["t"] == "a table of Arrow"
    assert calls[-1]["on_progress"] is None
    assert calls[-1]["tables"] is None


def test_frames_are_a_part_of_the_query(tmp_path: Path) -> None:
    import tidegate as tg

    path = tmp_path / "f.csv"
    path.write_text("a,b\n1,x\n2,y\n3,y\n")
    rows = tg.scan(path)
    others = tg.register("others", tg.sql("SELECT 'y' AS b").collect())
    try:
        variables = {"Big": rows.filter(tg.col("a") > 1), "others": others, "text": "no table"}
        cell = "SELECT sum(a) AS n FROM Big JOIN others ON big.b = others.b"
        sql, tables = _notebook.with_frames(cell, _notebook.tables_in(cell, variables))
        assert "WHERE a > 1" in sql
        assert list(tables) == ["others"]
        show = _Display()
        found = _notebook.run_cell("--no-progress", cell, variables=variables, show=show)
        assert "[1 rows x 1 columns]" in repr(found)
        assert found.collect().item() == 5
    finally:
        tg.unregister("others")


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("--what", "SELECT 1", "--what"),
        ("", "  \n", "the cell is empty"),
        ("-o 1x", "SELECT 1", "cannot be the name"),
        ("--as csv", "SELECT 1", "csv"),
    ],
)
def test_what_is_wrong_is_an_error_of_the_cell(calls: list[dict[str, Any]], line: str, cell: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _notebook.run_cell(line, cell, variables={}, show=_Display())
    assert calls == []


@pytest.fixture
def shell() -> Any:
    shells = pytest.importorskip("IPython.core.interactiveshell")
    shell = shells.InteractiveShell.instance()
    _notebook.load_ipython_extension(shell)
    yield shell
    _notebook.unload_ipython_extension(shell)
    shells.InteractiveShell.clear_instance()


def test_the_magics_are_there_and_go(shell: Any, calls: list[dict[str, Any]]) -> None:
    assert shell.run_cell("%%tidegate -o rows --no-progress\nSELECT 1").success
    assert shell.user_ns["rows"] == "a pandas frame"
    assert shell.run_line_magic("tidegate_memory", "").rss > 0
    assert not shell.run_cell("%tidegate_memory sideways").success
    _notebook.unload_ipython_extension(shell)
    assert "tidegate" not in shell.magics_manager.magics["cell"]
    _notebook.load_ipython_extension(shell)


def test_memory_is_shown_after_each_cell(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    show = _Display()
    monkeypatch.setattr("IPython.display.display", show)
    _notebook.load_ipython_extension(shell)
    shell.run_cell("%tidegate_memory on")
    shell.run_cell("%tidegate_memory on")
    shell.run_cell("kept = bytearray(20_000_000)")
    assert len(show.lines) == 1 or show.lines[-1].startswith("memory ")
    assert "peak" in show.lines[-1]
    count = len(show.lines)
    shell.run_cell("%tidegate_memory off")
    shell.run_cell("1 + 1")
    assert len(show.lines) == count
    shell.run_cell("%tidegate_memory off")
