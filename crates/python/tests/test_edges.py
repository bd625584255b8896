"""Where processes end, fork, are interrupted or killed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

import tidegate as tg
from tidegate import _engine, _native


def gone(pid: int) -> bool:
    """Wait for the end of any process, for 20 s at most."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended = select.poll()
        ended.register(process, select.POLLIN)
        return bool(ended.poll(20_000))
    finally:
        os.close(process)


def python(code: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_a_killed_worker_is_lost_with_its_last_reading(endless: str) -> None:
    reached = threading.Event()
    result = _engine.execute(f"SELECT max(value) FROM ({endless})", on_progress=lambda progress: reached.set())

    def kill() -> None:
        reached.wait(30)
        os.kill(result.worker_pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(tg.WorkerLost, match="SIGKILL.*last showed") as caught:
        result.collect()
    killer.join()
    assert caught.value.pid == result.worker_pid
    assert caught.value.progress.resident > 1 << 20
    assert _engine.execute("SELECT 1").collect().item() == 1


def test_a_worker_that_was_killed_while_it_waited() -> None:
    _engine.execute("SELECT 1").collect()
    for pid in _engine.worker_pids():
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
    assert _engine.execute("SELECT 2").collect().item() == 2


def test_a_worker_does_not_wait_for_ever() -> None:
    pool = _native.Pool(_engine.binary(), waits=0.01)
    for _ in range(2):
        batches = pool.start(_engine.task_json(sql="SELECT 1"), limit=None, files={}, streams={}, on_progress=None)
        assert batches.collect().num_rows == 1
        pid = batches.pid()
        assert pid is not None
        assert gone(pid)
    with pytest.raises(tg.UsageError, match="waits"):
        _native.Pool(_engine.binary(), waits=-1.0)


@pytest.fixture
def kill_next(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Return what has the worker of the next query killed when it was sent its task and has not read it yet."""
    # None is told to give memory back meanwhile, which it would have to answer first.
    pool = _native.Pool(_engine.binary(), keeps=3600.0)
    monkeypatch.setattr(_engine, "_pool", pool)

    class Killing:
        def start(self, *arguments: Any, **options: Any) -> _native.Batches:
            monkeypatch.setattr(_engine, "pool", lambda: pool)
            workers = pool.pids()
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)
            batches = pool.start(*arguments, **options)
            assert batches.pid() in workers
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            return batches

    yield lambda: monkeypatch.setattr(_engine, "pool", Killing)
    pool.close()


def test_a_query_begins_anew_whose_worker_was_killed_as_it_was_asked(kill_next: Callable[[], None]) -> None:
    _engine.execute("SELECT 1").collect()
    before = _engine.worker_pids()
    kill_next()
    result = _engine.execute("SELECT 2")
    assert result.collect().item() == 2
    assert result.worker_pid not in before
    assert _engine.worker_pids() == [result.worker_pid]
    assert _engine.execute("SELECT 3").collect().item() == 3


def test_a_query_of_a_stream_does_not_begin_anew(kill_next: Callable[[], None]) -> None:
    table = _engine.execute("SELECT 1 AS n").collect()
    query = _engine.execute("SELECT n FROM t", tables={"t": lambda: table})
    kill_next()
    with pytest.raises(tg.WorkerLost, match="SIGKILL.*last showed") as caught:
        query.collect()
    assert caught.value.progress.resident > 1 << 20
    assert _engine.execute("SELECT n FROM t", tables={"t": lambda: table}).collect().item() == 1


def test_an_interrupt_ends_the_query_and_nothing_else(endless: str) -> None:
    code = f"""
import os, signal, threading
from tidegate import _engine, _native
def interrupt(progress):
    os.kill(os.getpid(), signal.SIGINT)
try:
    _engine.execute("SELECT max(value) FROM ({endless})", on_progress=interrupt).collect()
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(_engine.execute("SELECT 7").collect().item())
"""
    process = python(code)
    out, err = process.communicate(timeout=60)
    assert out.split() == ["interrupted", "7"], err


@pytest.mark.parametrize(
    "read",
    [
        "result.collect()",
        "result.to_arrow()",
        "result.to_pandas()",
        "result.to_numpy(out='matrix.npy')",
        "result.write_parquet('rows.parquet')",
        "result.map_batches(lambda batch: batch, as_='table').rows()",
        "asyncio.run(result.collect_async())",
        "for batch in result.iter_batches(): pass",
    ],
)
def test_an_interrupt_from_outside(read: str, endless: str, in_folder: Path) -> None:
    pytest.importorskip("pandas")
    code = f"""
import asyncio
from tidegate import _engine, _native
tell = lambda progress: print("at work", flush=True)
result = _engine.execute("SELECT max(value) FROM ({endless})", on_progress=tell)
try:
    {read}
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(_engine.execute("SELECT 7").collect().item())
"""
    process = python(code, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    # To all of the group, as a terminal does.
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out.replace("at work\n", "").split() == ["interrupted", "7"], err
    assert list(in_folder.iterdir()) == []


STUCK = """
import os
import threading
from tidegate import _engine, _native

def stuck(batch):
    # Two of them say it, each at once.
    os.write(1, b"at work\\n")
    threading.Event().wait()

if __name__ == "__main__":
    rows = _engine.execute("SELECT value FROM range(0, 100000)", limit="2GB").map_batches(stuck, as_="table", workers=2)
    try:
        rows.collect()
    except KeyboardInterrupt:
        print(_engine.execute("SELECT 7").collect().item(), flush=True)
"""


@pytest.mark.parametrize(("sent", "printed"), [(signal.SIGINT, ["7"]), (signal.SIGKILL, [])])
def test_processes_of_map_batches_end_with_theirs(sent: signal.Signals, printed: list[str], tmp_path: Path) -> None:
    script = tmp_path / "stuck.py"
    script.write_text(STUCK)
    arguments = [sys.executable, str(script)]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == "at work\n"
        if sent == signal.SIGINT:
            os.killpg(process.pid, sent)
        else:
            process.send_signal(sent)
        # Whoever lives has the other end of these.
        out, err = process.communicate(timeout=60)
    assert out.split() == printed
    assert err == ""


def test_an_interrupt_while_a_table_is_written(in_folder: Path) -> None:
    code = """
import _thread, functools, operator
from tidegate import _engine, _native
batches = _engine.execute("SELECT value AS n FROM range(0, 1000)").collect()._batches()
written = []
calls = [_thread.interrupt_main, functools.partial(batches.keep, "."), functools.partial(written.append, 1)]
try:
    # One after the other without a line of Python in between, which would look after the interrupt.
    list(map(operator.methodcaller("__call__"), calls))
except KeyboardInterrupt:
    print("interrupted", written)
"""
    process = python(code)
    out, err = process.communicate(timeout=60)
    assert out.split() == ["interrupted", "[]"], err
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize(
    "end", ["import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 9)", "raise ValueError('x')", "pass"]
)
def test_no_worker_is_left_behind(end: str, endless: str) -> None:
    code = f"""
from tidegate import _engine, _native
_engine.execute("SELECT 1").collect()
fed = _engine.execute("SELECT * FROM t", tables={{"t": _engine.execute("{endless}")}})
results = [fed, *(_engine.execute("{endless}") for _ in range(2))]
iterators = [result.iter_batches() for result in results]
for iterator in iterators:
    next(iterator)
print(*_engine.worker_pids(), flush=True)
{end}
"""
    process = python(code)
    out, err = process.communicate(timeout=60)
    pids = [int(pid) for pid in out.split()]
    assert len(pids) >= 4, err
    assert all(gone(pid) for pid in pids)


def test_a_thread_that_reads_does_not_keep_the_interpreter(endless: str) -> None:
    code = f"""
import threading
from tidegate import _engine, _native
started = threading.Event()
result = _engine.execute("SELECT max(value) FROM ({endless})", on_progress=lambda progress: started.set())
threading.Thread(target=result.collect, daemon=True).start()
started.wait(30)
print(result.worker_pid, flush=True)
"""
    process = python(code)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert gone(int(out))


def test_a_forked_child_has_a_worker_of_its_own(endless: str) -> None:
    result = _engine.execute(endless)
    batches = result.iter_batches()
    next(batches)
    _engine.execute("SELECT 1").collect()
    ours = set(_engine.worker_pids())
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = _engine.execute("SELECT 5").collect().item()
            fresh = not ours & set(_engine.worker_pids())
            try:
                next(batches)
                error = "none"
            except tg.UsageError:
                error = "clear"
            os.write(writer, f"{answer} {fresh} {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "5 True clear"
    os.waitpid(child, 0)
    assert next(batches).num_rows > 0
    result.close()
    assert _engine.execute("SELECT 1").collect().item() == 1


def test_a_child_that_outlives_its_parent_keeps_no_worker() -> None:
    code = """
import os, sys
from tidegate import _engine, _native
_engine.execute("SELECT 1").collect()
print(*_engine.worker_pids(), flush=True)
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
os.kill(os.getpid(), 9)
"""
    process = python(code, stdin=subprocess.PIPE)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert pids
    assert all(gone(pid) for pid in pids)
    process.communicate(timeout=60)


def _seven() -> int:
    return _engine.execute("SELECT 7").collect().item()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_multiprocessing(method: str) -> None:
    _engine.execute("SELECT 1").collect()
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        assert [each.get(60) for each in [pool.apply_async(_seven) for _ in range(4)]] == [7] * 4


def test_threads_have_workers_of_their_own() -> None:
    answers: list[int] = []

    def ask(n: int) -> None:
        answers.append(_engine.execute(f"SELECT sum(value) FROM range(0, {n})").collect().item())

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(10, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [n * (n - 1) // 2 for n in range(10, 18)]


def test_asyncio() -> None:
    async def ask() -> list[int]:
        results = [_engine.execute(f"SELECT {n}") for n in range(3)]
        tables = await asyncio.gather(*(result.collect_async() for result in results))
        rows = 0
        async for batch in _engine.execute("SELECT value FROM range(0, 20000)").aiter_batches():
            rows += len(batch)
        return [*(table.item() for table in tables), rows]

    assert asyncio.run(ask()) == [0, 1, 2, 20_000]


def test_a_cancelled_task_cancels_its_query(endless: str) -> None:
    async def ask() -> None:
        reached = asyncio.Event()
        loop = asyncio.get_running_loop()
        query = f"SELECT max(value) FROM ({endless})"
        result = _engine.execute(query, on_progress=lambda _: loop.call_soon_threadsafe(reached.set))
        task = asyncio.ensure_future(result.collect_async())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(ask())
    assert _engine.execute("SELECT 1").collect().item() == 1


def test_a_result_stays_in_its_process() -> None:
    with pytest.raises(TypeError, match="another process"):
        pickle.dumps(_engine.execute("SELECT 1"))


def test_errors_travel() -> None:
    with pytest.raises(tg.QueryError) as caught:
        _engine.execute("SELECT nope").collect()
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is tg.QueryError
    assert (again.message, again.help, again.place) == (caught.value.message, caught.value.help, caught.value.place)
