"""Where memory is: what the kernel counts, what heaps hold, which objects hold the most."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
from types import ModuleType
from typing import Any

import pytest
from tidegate._memory import memory
from tidegate._memory_holders import Holder, find_holders
from tidegate._memory_kernel import PeakWatch, read_resident, resident_now
from tidegate._release import release_memory

kept_here: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _clean() -> None:
    """Have nothing of an earlier test in the heap, where growth would find room."""
    release_memory()


def _kernel() -> dict[str, int]:
    with open("/proc/self/status") as file:
        words = [line.split() for line in file]
    return {line[0].rstrip(":"): int(line[1]) << 10 for line in words if line[-1] == "kB"}


def _named(holders: list[Holder], name: str) -> Holder:
    return next(holder for holder in holders if any(known.startswith(name) for known in holder.names))


def test_it_says_what_the_kernel_says() -> None:
    kernel = _kernel()
    found = memory(top=0)
    assert abs(found.rss - kernel["VmRSS"]) < 4 << 20
    assert found.rss == found.anonymous + found.file + found.shared
    assert found.peak >= kernel["VmHWM"]
    assert found.left is not None and found.limit is not None
    assert found.limit.left == found.left == min(limit.left for limit in found.limits)


def test_it_shows_itself() -> None:
    kept = bytearray(30_000_000)
    found = memory()
    assert "kept in test_it_shows_itself()" in repr(found)
    assert "<table>" in found._repr_html_()
    assert json.loads(json.dumps(found.to_dict()))["resident"]["rss"] == found.rss
    assert len(kept) == 30_000_000


@pytest.mark.parametrize(("top", "error"), [("3", TypeError), (True, TypeError), (-1, ValueError)])
def test_a_wrong_argument_is_named(top: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="`top`"):
        memory(top=top)


def test_objects_are_found_by_the_names_that_lead_to_them() -> None:
    class Job:
        table: bytes

    job = Job()
    job.table = bytes(3_000_000)
    deep = {"a": [bytes(4_000_000)]}
    kept_here["x"] = bytes(5_000_000)

    def closure() -> int:
        return len(deep)

    try:
        holders = find_holders(top=50)
        assert _named(holders, "job.table in test_objects").size >= 3_000_000
        assert _named(holders, "deep['a'][0] in test_objects").size >= 4_000_000
        assert any(name.endswith("kept_here['x']") for holder in holders for name in holder.names)
        assert closure() == 1
    finally:
        kept_here.clear()


def test_many_of_a_kind_in_one_container_are_one_holder() -> None:
    many = [bytes(100_000) for _ in range(100)]
    holder = _named(find_holders(top=50), "many[..] in test_many")
    assert holder.kind == "100 bytes"
    assert holder.size >= 10_000_000
    assert len(many) == 100


def test_variables_of_other_threads_are_found() -> None:
    ready, done = threading.Event(), threading.Event()

    def work() -> None:
        local_of_thread = bytearray(6_000_000)
        ready.set()
        done.wait()
        del local_of_thread

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    try:
        assert _named(find_holders(top=50), "local_of_thread in work()").size >= 6_000_000
    finally:
        done.set()
        thread.join()


def test_looking_keeps_nothing_alive() -> None:
    class Witness:
        alive = 0

        def __init__(self) -> None:
            Witness.alive += 1

        def __del__(self) -> None:
            Witness.alive -= 1

    def look() -> None:
        witness = Witness()
        large = bytearray(1_000_000)
        find_holders(top=5)
        del witness
        assert Witness.alive == 0
        del large

    gc.collect()
    gc.disable()
    try:
        look()
        look()
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="variables are not copied any more")
def test_variables_that_somebody_else_looked_at_stay() -> None:
    here = bytearray(1_000_000)
    seen = locals()
    find_holders(top=5)
    assert seen["here"] is here


def test_views_and_shared_buffers_count_once() -> None:
    numpy = pytest.importorskip("numpy")
    whole = numpy.ones((1000, 5000))
    view, other = whole[10:20], whole.T
    holder = _named(find_holders(top=50), "whole in test_views")
    assert holder.size == 40_000_000
    assert holder.others >= 2
    assert holder.dtype == "float64"
    assert view.base is whole and other.base is whole
    assert sum(found.size for found in find_holders(top=50) if found.kind.startswith("numpy")) < 60_000_000


def test_a_view_alone_holds_all_of_its_buffer() -> None:
    numpy = pytest.importorskip("numpy")
    small = numpy.ones(2_000_000)[:10]
    holder = _named(find_holders(top=50), "small in test_a_view")
    assert holder.size == 16_000_000
    assert holder.shape in {(10,), (2_000_000,)}
    assert small.size == 10


def test_arrays_in_untracked_containers_are_found() -> None:
    numpy = pytest.importorskip("numpy")
    box = {"only": numpy.ones(1_000_000)}
    pair = (numpy.ones(1_000_000), 1)
    gc.collect()
    holders = find_holders(top=50)
    assert _named(holders, "box['only']").size == 8_000_000
    assert _named(holders, "pair[0]").size == 8_000_000
    assert len(box) + len(pair) == 3


def test_a_mapped_file_is_named_as_such(tmp_path: Any) -> None:
    numpy = pytest.importorskip("numpy")
    mapped = numpy.memmap(tmp_path / "m", dtype="f8", mode="w+", shape=(1_000_000,))
    assert _named(find_holders(top=50), "mapped in test_a_mapped").mapped
    assert mapped.size == 1_000_000


def test_tables_are_shown_by_column_and_share_with_their_columns() -> None:
    pandas = pytest.importorskip("pandas")
    numpy = pytest.importorskip("numpy")
    df = pandas.DataFrame(
        {
            "n": numpy.arange(1_000_000),
            "when": pandas.date_range("2026-01-01", periods=1_000_000, freq="s"),
            "c": pandas.Categorical([1, 2] * 500_000),
        }
    )
    column = df["n"]
    holder = _named(find_holders(top=50), "df in test_tables")
    sizes = {part.name: part.size for part in holder.columns}
    assert holder.kind == "pandas.DataFrame"
    assert holder.shape == (1_000_000, 3)
    assert sizes["n"] == 8_000_000
    assert sizes["when"] == 8_000_000
    assert 1_000_000 <= sizes["c"] < 1_100_000
    assert 17_000_000 <= holder.size < 25_100_000
    assert len(column) == 1_000_000


def test_text_of_a_table_is_estimated_near_the_truth() -> None:
    pandas = pytest.importorskip("pandas")
    texts = [f"/path/{number:010d}/index.html" for number in range(200_000)]
    objects = pandas.DataFrame({"t": pandas.Series(texts, dtype=object)})
    truth = sum(map(sys.getsizeof, texts)) + 8 * len(texts)
    del texts
    holder = _named(find_holders(top=50), "objects in test_text")
    assert holder.estimated
    assert holder.size == pytest.approx(truth, rel=0.1)
    assert len(objects) == 200_000


def test_tables_of_arrow_and_polars_are_found() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    table = pyarrow.table({"x": pyarrow.array(range(500_000))})
    frame = polars.DataFrame({"y": range(500_000)})
    holders = find_holders(top=50)
    assert _named(holders, "table in test_tables_of").size == pytest.approx(4_000_000, rel=0.05)
    assert _named(holders, "frame in test_tables_of").size == 4_000_000
    found = memory(top=0)
    assert any(pool.allocated >= 4_000_000 for pool in found.arrow)
    assert len(table) == len(frame)


def test_nothing_is_loaded_by_looking() -> None:
    code = (
        "import sys\n"
        "from tidegate._memory import memory\n"
        "print(memory().rss > 0, [name for name in ('numpy', 'pandas', 'pyarrow', 'polars') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["True", "[]\n"]


def test_the_peak_is_exact_where_the_kernel_counts_it() -> None:
    watch = PeakWatch(exact=True)
    before = resident_now()
    for _ in range(2):
        len(bytearray(40_000_000))
    assert watch.exact
    assert 38_000_000 < watch.read() - before < 60_000_000


def test_setting_the_peak_back_hides_it_from_nobody_here() -> None:
    outer = PeakWatch()
    len(bytearray(300_000_000))
    highest = read_resident().peak
    inner = PeakWatch(exact=True)
    assert inner.read() < highest
    assert read_resident().peak >= highest
    assert outer.read() >= highest - (1 << 20)


def test_a_forked_child_has_a_peak_of_its_own() -> None:
    code = (
        "import os\n"
        "from tidegate._memory_kernel import PeakWatch, read_resident\n"
        "watch = PeakWatch()\n"
        "len(bytearray(200_000_000))\n"
        "PeakWatch(exact=True)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os._exit(read_resident().peak > 150_000_000)\n"
        "print(os.waitpid(pid, 0)[1], read_resident().peak > 150_000_000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True"]


def test_no_module_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    referents = gc.get_referents

    def spy(*values: Any) -> list[Any]:
        asked.extend(type(value) for value in values)
        return referents(*values)

    monkeypatch.setattr(gc, "get_referents", spy)
    memory()
    assert asked and ModuleType not in asked
