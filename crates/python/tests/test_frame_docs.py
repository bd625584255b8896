"""What the documents of frames show runs: docstrings, docs/python.md, and the cells of docs/python.ipynb."""

from __future__ import annotations

import doctest
import importlib
import json
import re
from pathlib import Path

import pytest
import tidegate as tg

DOCS = Path(__file__).resolve().parents[3] / "docs"
MODULES = [
    "_expr",
    "_expr_aggregates",
    "_expr_base",
    "_expr_dt",
    "_expr_many",
    "_expr_nodes",
    "_expr_rows",
    "_expr_str",
    "_frame",
    "_frame_query",
    "_frame_results",
    "_functions",
    "_groupby",
    "_scan",
    "_sql_text",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"tidegate.{name}")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testmod(module, extraglobs={"tg": tg}, optionflags=flags)
    assert outcome.failed == 0


def test_blocks_of_the_guide_run(log: Path, in_folder: Path) -> None:
    if not (DOCS / "python.md").exists():
        pytest.skip("the tests stand without the documents")
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    (in_folder / "logs").mkdir()
    timed = "".join(f"{line} 0.25\n" for line in log.read_text().splitlines())
    (in_folder / "logs" / "access.1.log").write_text(timed.replace(" 0.25", ' "-" "curl" 0.25'))
    ips = pyarrow.table({"ip": ["10.0.0.1", "10.0.0.2"], "zone": ["a", "b"]})
    names = {"ips": ips, "lookup": lambda clients: clients.str.slice(0, 4)}
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / "python.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    try:
        for block in blocks:
            exec(compile(block, "python.md", "exec"), names)  # noqa: S102
        rows = names["frame"]
        assert list(rows.columns) == ["minute", "n", "slowest"]
        assert (in_folder / "errors.parquet").exists()
    finally:
        tg.unregister("ips")


def test_cells_of_the_notebook_run() -> None:
    if not (DOCS / "python.ipynb").exists():
        pytest.skip("the tests stand without the documents")
    notebook = json.loads((DOCS / "python.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 10
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell, "python.ipynb", "exec"), names)  # noqa: S102
