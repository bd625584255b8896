"""The plugin of pytest, run as its users run it: in a process of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

_TESTS = """
    import pytest

    kept = []

    @pytest.mark.limit_memory("60 MB")
    def test_little():
        len(bytearray(5_000_000))

    @pytest.mark.limit_memory("60 MB")
    def test_much():
        rows = [bytearray(1_000_000) for _ in range(150)]
        for _ in range(3_000_000):
            pass
        assert len(rows) == 150

    @pytest.mark.limit_memory("60 MB")
    def test_much_in_one_call():
        len(bytearray(150_000_000))

    @pytest.mark.no_leak
    def test_keeps_nothing(tmp_path):
        assert len(bytearray(500_000)) + len(str(tmp_path)) > 0

    @pytest.mark.no_leak(threshold="1 MB", repeats=5, warmup=4)
    @pytest.mark.parametrize("size", [600_000])
    def test_keeps(size):
        kept.append(bytearray(size))

    class TestMethods:
        @pytest.mark.no_leak(repeats=2)
        def test_method(self):
            self.calls = 1

    @pytest.mark.limit_memory("60 MB")
    def test_fails():
        assert 1 == 2
    """


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def _options(*more: str) -> tuple[str, ...]:
    return ("-p", "tidegate.pytest_plugin", "--strict-markers", *more)


def test_who_takes_or_keeps_too_much_fails(run: pytest.Pytester) -> None:
    run.makepyfile(_TESTS)
    result = run.runpytest_subprocess(*_options("-v"))
    result.assert_outcomes(passed=3, failed=4)
    result.stdout.fnmatch_lines(
        [
            "*::test_little PASSED*",
            "*::test_much FAILED*",
            "*::test_much_in_one_call FAILED*",
            "*::test_keeps_nothing PASSED*",
            "*::test_keeps*600000* FAILED*",
            "*::test_method PASSED*",
        ]
    )
    text = result.stdout.str()
    assert "memory grew by 15" in text
    assert "60.0 MB are allowed" in text
    assert "bytearray" in text
    assert "the test keeps memory: +3" in text
    assert "kept.append(bytearray(size))" in text
    assert "assert 1 == 2" in text


def test_it_works_in_the_workers_of_xdist(run: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    run.makepyfile(_TESTS)
    result = run.runpytest_subprocess(*_options("-p", "xdist", "-n", "2"))
    result.assert_outcomes(passed=3, failed=4)
    assert "the test keeps memory" in result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('limit_memory("much")', "is no size"),
        ("limit_memory", "write the marker as"),
        ("limit_memory(1, 2)", "write the marker as"),
        ("no_leak(5)", "write the marker as"),
        ("no_leak(repeat=5)", "write the marker as"),
        ("no_leak(repeats=0)", "must be 1 or more"),
    ],
)
def test_a_marker_that_is_wrong_says_so(run: pytest.Pytester, marker: str, message: str) -> None:
    run.makepyfile(f"import pytest\n@pytest.mark.{marker}\ndef test_it(): pass\n")
    result = run.runpytest_subprocess(*_options())
    result.assert_outcomes(failed=1)
    assert message in result.stdout.str()


def test_what_was_measured_is_in_the_report(run: pytest.Pytester) -> None:
    run.makepyfile('import pytest\n@pytest.mark.limit_memory("90 MB")\ndef test_it(): len(bytearray(30_000_000))\n')
    result = run.runpytest_subprocess(*_options("--junitxml=report.xml"))
    result.assert_outcomes(passed=1)
    assert 'name="memory_growth"' in (run.path / "report.xml").read_text()


def test_a_coroutine_can_be_repeated(run: pytest.Pytester) -> None:
    run.makeconftest(
        """
        import asyncio, inspect, pytest

        @pytest.hookimpl
        def pytest_pyfunc_call(pyfuncitem):
            if inspect.iscoroutinefunction(pyfuncitem.obj):
                asyncio.run(pyfuncitem.obj())
                return True
        """
    )
    run.makepyfile(
        """
        import pytest
        calls = []

        @pytest.mark.no_leak(repeats=2, warmup=3)
        async def test_it():
            calls.append(1)

        def test_calls():
            assert len(calls) >= 5
        """
    )
    run.runpytest_subprocess(*_options()).assert_outcomes(passed=2)
