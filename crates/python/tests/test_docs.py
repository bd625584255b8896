"""What documents show runs: docstrings, the README's example, docs/python.md, and docs/python.ipynb in a kernel."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
import tidegate as tg

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
MODULES = sorted(module.name for module in pkgutil.iter_modules(tg.__path__) if module.name != "__main__")

needs_documents = pytest.mark.skipif(not DOCS.exists(), reason="the tests stand without the documents")


@pytest.mark.parametrize("name", ["", *MODULES])
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"tidegate.{name}" if name else "tidegate")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testmod(module, extraglobs={"tg": tg}, optionflags=flags)
    assert outcome.failed == 0


@pytest.fixture
def in_logs(log: Path, in_folder: Path) -> Path:
    """Run the test in a folder that has logs with a request time, and CSV files."""
    (in_folder / "logs").mkdir()
    timed = "".join(f'{line} "-" "curl" 0.25\n' for line in log.read_text().splitlines())
    (in_folder / "logs" / "access.1.log").write_text(timed)
    (in_folder / "exports").mkdir()
    for number in range(2):
        (in_folder / "exports" / f"{number}.csv").write_text("client,bytes\n10.0.0.1,17\n10.0.0.2,9\n")
    return in_folder


def blocks(path: Path) -> list[str]:
    """Return the blocks of Python of a document."""
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def ran(texts: list[str], name: str, **names: Any) -> dict[str, Any]:
    """Run blocks, one after the other, and return the names that they leave."""
    for text in texts:
        exec(compile(text, name, "exec"), names)
    return names


@needs_documents
@pytest.mark.usefixtures("in_logs")
def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    texts = blocks(ROOT / "README.md")
    assert "tg.MemoryManager(" in texts[0]
    assert "tg.DataProcessor(" in texts[0]
    names = ran(texts, "README.md")
    assert list(names["frame"].columns) == ["minute", "n", "p95"]
    assert names["frame"]["n"].sum() == 1000
    assert [turn.rows for turn in names["job"].turns] == [2, 2]
    out = capsys.readouterr().out
    assert "the next task needs" in out
    assert "2 turns, 0 failed" in out
    names["memory"].close()


@needs_documents
@pytest.mark.usefixtures("in_logs")
def test_the_example_of_the_package_runs() -> None:
    pytest.importorskip("pandas")
    texts = blocks(ROOT / "crates" / "python" / "README.md")
    assert texts
    ran(texts, "crates/python/README.md")


@needs_documents
def test_blocks_of_the_guide_run(in_logs: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    ips = pyarrow.table({"ip": ["10.0.0.1", "10.0.0.2"], "zone": ["a", "b"]})
    texts = blocks(DOCS / "python.md")
    assert len(texts) >= 4
    try:
        names = ran(texts, "python.md", ips=ips, lookup=lambda clients: clients.str.slice(0, 4))
        assert list(names["frame"].columns) == ["minute", "n", "slowest"]
        assert (in_logs / "errors.parquet").exists()
    finally:
        tg.unregister("ips")


def idioms() -> list[str]:
    """Return the code of the table of idioms in the guide, where it is not told in words."""
    if not DOCS.exists():
        return []
    part = (DOCS / "python.md").read_text().partition("## From pandas")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| `")]
    same = [code for theirs, ours in rows if ours.startswith("the same") for code in re.findall("`([^`]+)`", theirs)]
    return same + [code for _, ours in rows for code in re.findall("`([^`]+)`", ours) if re.match(r"(tg|df)\b", code)]


@pytest.mark.parametrize("code", idioms())
def test_idioms_of_pandas_have_ours(code: str, in_folder: Path) -> None:
    rows = "".join(f"10.0.0.{n % 3},10.0.0.1,/p/{n},{(200, 500)[n % 2]},{n},2026-03-02T10:00:0{n}Z,{n}\n" for n in range(6))
    (in_folder / "logs").mkdir()
    for path in ("f.csv", "logs/a.csv"):
        (in_folder / path).write_text("client,ip,path,status,bytes,ts,a\n" + rows)
    df = tg.scan("f.csv")
    condition = tg.col("status") == 200
    names = {"tg": tg, "df": df, "other": tg.scan("f.csv").select("client", "ip", other="a")}
    names |= {"paths": ["f.csv", "logs/a.csv"], "fn": lambda batch: batch, "c": condition, "a": 1, "b": 2}
    if code.startswith("df = "):
        exec(code, names)
        found = names["df"]
    else:
        found = eval(code, names)
    if isinstance(found, tg.Expr):
        found = df.select(x=found)
    if isinstance(found, tg.LazyFrame):
        found = found.collect().num_rows
    # What writes a file returns nothing.
    assert found or (in_folder / "f.parquet").stat().st_size > 0


@needs_documents
def test_the_notebook_runs_in_a_kernel(tmp_path: Path) -> None:
    """Run the notebook as nbmake and nbconvert do."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(DOCS / "python.ipynb", as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.source.startswith("%%tidegate")]
    assert len(cells) >= 2
    shown = [output["data"] for output in cells[-1].outputs if output["output_type"] == "execute_result"]
    assert "[3 rows x 2 columns]" in shown[-1]["text/plain"]
    assert "<table>" in shown[-1]["text/html"]
