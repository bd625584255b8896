"""The package as a whole: what it imports, exports and needs."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tidegate as tg
from tidegate import _engine


def run(code: str, *flags: str) -> str:
    return subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_every_public_name_is_there() -> None:
    for name in {*tg.__all__, "all", "len"}:
        assert getattr(tg, name) is not None
        assert name in dir(tg)
    with pytest.raises(AttributeError, match="nope"):
        tg.nope  # noqa: B018


def test_type_checkers_know_the_same_names() -> None:
    assert tg.__file__ is not None
    nodes = ast.walk(ast.parse(Path(tg.__file__).read_text()))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 1]
    places = {alias.asname: node.module for node in imports for alias in node.names}
    assert places.pop("__version__") == "_native"
    assert places == tg._MODULES


def test_the_tag_of_the_wheel_holds_for_the_program() -> None:
    """Maturin looks at the module alone."""
    text = importlib.metadata.distribution("tidegate").read_text("WHEEL")
    assert text is not None
    tags = re.findall(r"^Tag: cp39-abi3-manylinux_(\d+)_(\d+)_\w+$", text, re.MULTILINE)
    assert tags, text
    needed = re.findall(rb"\0GLIBC_(\d+)\.(\d+)", Path(_engine.binary()).read_bytes())
    assert needed
    assert max((int(major), int(minor)) for major, minor in needed) <= max((int(a), int(b)) for a, b in tags)


def test_modules_are_written_for_the_oldest_python() -> None:
    for path in Path(tg.__path__[0]).glob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 9))


def test_an_import_loads_nothing_else() -> None:
    loaded = run("import sys; before = set(sys.modules); import tidegate; print(*set(sys.modules) - before)")
    assert [name for name in loaded.split() if not name.startswith(("tidegate", "__future__"))] == []
    code = """
import sys, tidegate
from tidegate import _engine
_engine.execute("SELECT 1").collect()
print(*[name for name in ("pandas", "pyarrow", "polars", "numpy", "asyncio", "multiprocessing") if name in sys.modules])
"""
    assert run(code).split() == []


def test_a_missing_package_is_asked_for_by_name() -> None:
    code = """
import sys
for name in ("pandas", "pyarrow", "polars", "numpy"):
    sys.modules[name] = None
import tidegate
from tidegate import _engine
for read, package in [("to_pandas", "pandas"), ("to_arrow", "pyarrow"), ("to_polars", "polars"), ("to_numpy", "numpy")]:
    try:
        getattr(_engine.execute("SELECT 1 AS a"), read)()
    except tidegate.MissingPackageError as error:
        assert package in error.message and f"pip install {package}" in error.help, error
        assert isinstance(error, ImportError)
        print(package)
print(_engine.execute("SELECT 1 AS a").collect().item())
"""
    assert run(code).split() == ["pandas", "pyarrow", "polars", "numpy", "1"]


def test_the_command_is_the_program() -> None:
    asked = [sys.executable, "-m", "tidegate", "query", "--format", "csv", "-q", "SELECT 1 AS one"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["one", "1"]
    version = subprocess.run([_engine.binary(), "--version"], capture_output=True, text=True, check=True).stdout
    assert tg.__version__ in version
