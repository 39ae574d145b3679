"""Runs beside other people's plugins, which repeat tests, run them again, or change their order or ids."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sweeprun import FAKE, free, loads, run, write

Collects = Callable[..., list[pytest.Item]]

# One server that needs 0.09 s: it bears a launch each 0.2 s, and not each 0.05 s.
OVERLOADED = """
@pytest.mark.load_sweep(time_steps=[0.2, 0.05, 0.025], warmup=1, window=20)
def test_it(load_step):
    load_step(FakeTarget(service_time_s=0.09, servers=1))
"""
STEPS = """
@pytest.mark.load_sweep(time_steps=[0.8, 0.4, 0.2, 0.1, 0.05], warmup=0, window=1, knee={knee})
def test_it(load_step, fake):
    load_step(fake)


@pytest.mark.load_sweep(time_steps=[0.8, 0.4, 0.2, 0.1, 0.05], warmup=0, window=1)
def test_other(load_step, fake):
    load_step(fake)
"""
SLOW_TO_FAST = ["0.8s", "0.4s", "0.2s", "0.1s", "0.05s"]


def renames(name: str) -> str:
    """Return a plugin that makes new items of all, as those that repeat tests do."""
    return f"""
import pytest

def pytest_collection_modifyitems(items):
    items[:] = [
        pytest.Function.from_parent(
            item.parent, name={name}, callspec=item.callspec, callobj=item.obj, originalname=item.originalname
        )
        for number, item in enumerate(items)
    ]
"""


APPENDS = {
    "a parameter": """
def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("again")
    metafunc.parametrize("again", [1])
""",
    "a parameter in front": """
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("again")
    metafunc.parametrize("again", [["unhashable"]], ids=["0.5s"])
""",
    "text behind the id": renames('f"{item.name}@worker{number}"'),
    "text in the id": renames('item.name.replace("]", f" try {number}]")'),
    "another name": renames('f"test_{number}"'),
}


def order_of(items: list[pytest.Item], function: str) -> list[str]:
    return [item.name.split("[")[1][:-1] for item in items if item.name.startswith(f"{function}[")]


# the series ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("conftest", APPENDS.values(), ids=APPENDS)
def test_a_series_ends_whatever_a_plugin_makes_of_its_ids(pytester: pytest.Pytester, conftest: str) -> None:
    pytester.makeconftest(conftest)
    result = run(pytester, "--benchmark-json=o.json", source=OVERLOADED)
    result.assert_outcomes(passed=2, skipped=1)
    assert [load["verdict"] for load in loads(pytester.path / "o.json").values()] == ["ok", "saturated"]
    result.stdout.fnmatch_lines(["  knee 5/s; not 20/s*"])


def test_repetitions_of_a_test_are_series_of_their_own_and_each_of_them_ends(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, "--count=3", "--benchmark-json=o.json", source=OVERLOADED)
    result.assert_outcomes(passed=6, skipped=3)
    series = {load["series"] for load in loads(pytester.path / "o.json").values()}
    assert series == {f"test_it.py::test_it[{number}-3]" for number in (1, 2, 3)}


@pytest.mark.parametrize("conftest", APPENDS.values(), ids=APPENDS)
def test_a_saved_run_has_one_series_whatever_a_plugin_made_of_its_ids(
    pytester: pytest.Pytester, conftest: str
) -> None:
    pytester.makeconftest(conftest)
    run(pytester, "--benchmark-json=o.json", source=OVERLOADED)
    (pytester.path / "again.json").write_bytes((pytester.path / "o.json").read_bytes())
    command = Path(sys.executable).with_name("pytest-unikernel")  # installed beside us, on PATH or not
    compared = pytester.run(command, "compare", "o.json", "again.json", "--json", "c.json")
    assert compared.ret == 0
    series = {load["series"] for load in loads(pytester.path / "o.json").values()}
    assert len(series) == 1


def test_parameters_of_equal_text_are_series_of_their_own(pytester: pytest.Pytester) -> None:
    source = """
class Equal:
    __hash__ = None
    def __eq__(self, other): raise TypeError("not comparable")

@pytest.mark.parametrize("servers", [1, True, Equal(), Equal()], ids=lambda each: "x")
@pytest.mark.load_sweep(time_steps=[0.2, 0.05, 0.025], warmup=1, window=20)
def test_it(load_step, servers):
    load_step(FakeTarget(service_time_s=0.09, servers=1))
"""
    run(pytester, source=source).assert_outcomes(passed=8, skipped=4)


# a second try --------------------------------------------------------------------------------------

FLAKY = """
TRIES = []


@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_flaky(load_step, fake):
    completed = load_step(fake).completed
    TRIES.append(1)
    assert completed and len(TRIES) == 2, "too slow this time"


def test_flaky_cold(cold_start, fake):
    completed = cold_start(fake, launches=2).completed
    TRIES.append(1)
    assert completed and len(TRIES) == 4, "first try"


def test_twice(load_step, cold_start, fake):
    cold_start(fake)
    cold_start(fake)
"""


def test_a_test_that_is_run_again_has_a_load_again(pytester: pytest.Pytester) -> None:
    write(pytester, FLAKY)
    words = ["--reruns=1", "-k", "flaky", "--benchmark-json=o.json", "-W", "error"]
    result = pytester.runpytest_subprocess(*free("rerunfailures"), *words)
    assert result.parseoutcomes()["passed"] == 2
    assert result.parseoutcomes()["rerun"] == 2
    rows = [line for line in result.outlines if line.startswith("1/10 ")]
    assert len(rows) == 1  # the last try
    assert set(loads(pytester.path / "o.json")) == {"test_flaky[0.1s]", "test_flaky_cold"}


def test_a_second_load_in_one_try_is_an_error_in_each(pytester: pytest.Pytester) -> None:
    write(pytester, FLAKY)
    result = pytester.runpytest_subprocess(*free("rerunfailures"), "--reruns=1", "-k", "twice")
    assert result.parseoutcomes() == {"failed": 1, "rerun": 1, "deselected": 2}
    result.stdout.fnmatch_lines(["*expected one load per test, got a second*"])


# the order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_steps_still_go_from_slow_to_fast(items_of: Collects, seed: int) -> None:
    arguments = ["-p", "pytest_randomly", f"--randomly-seed={seed}"]
    items = items_of(FAKE + STEPS.format(knee=True), *arguments)
    assert order_of(items, "test_it") == [*SLOW_TO_FAST, "knee"]
    assert order_of(items, "test_other") == SLOW_TO_FAST


def named_orders(result: pytest.RunResult) -> list[str]:
    return [line.strip() for line in result.outlines if line.strip().startswith("run in this order")]


def test_a_summary_names_an_order_that_is_not_slow_to_fast(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--reverse", source=STEPS.format(knee=False))
    result.assert_outcomes(passed=10)
    shown = "run in this order, which another plugin or a conftest.py made: 1/20 s, 1/10 s,"
    assert named_orders(result) == [shown] * 2


def test_tests_with_a_place_of_their_own_keep_it_and_their_steps_go_from_slow_to_fast(
    pytester: pytest.Pytester,
) -> None:
    source = STEPS.format(knee=False).replace("@pytest", "@pytest.mark.order(2)\n@pytest", 1)
    source = source.replace("\n@pytest.mark.load", "\n@pytest.mark.order(1)\n@pytest.mark.load")
    source = source.replace("order(2)\n@pytest.mark.order(1)", "order(2)")
    result = run(pytester, "-v", source=source)
    result.assert_outcomes(passed=10)
    done = [line for line in result.outlines if " PASSED" in line]
    assert [("test_other" in line) for line in done] == [True] * 5 + [False] * 5
    assert named_orders(result) == []


# around a load -------------------------------------------------------------------------------------

RUNS_COROUTINES = """
import asyncio, inspect, pytest

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        names = pyfuncitem._fixtureinfo.argnames
        asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True
"""


def test_a_coroutine_may_run_a_load(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.05], warmup=0, window=1)
async def test_it(load_step, linux_process):
    assert load_step(linux_process(["/bin/true"])).completed
"""
    pytester.makeconftest(RUNS_COROUTINES)
    run(pytester, "--sweep-quiet-host=off", source=source).assert_outcomes(passed=2)


def test_a_time_out_of_pytest_timeout_ends_the_load_and_leaves_nothing(pytester: pytest.Pytester) -> None:
    source = """
import psutil

@pytest.mark.timeout(1)
def test_long(cold_start, linux_process):
    cold_start(linux_process(["/bin/sleep", "1234.5"]))

def test_after():
    left = [each.cmdline() for each in psutil.Process().children(recursive=True)]
    assert not [each for each in left if "1234.5" in each]
"""
    result = run(pytester, "--sweep-quiet-host=off", source=source)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Timeout (>1.0s) from pytest-timeout*"])


@pytest.mark.parametrize("dist", ["load", "loadgroup", "each"])
def test_beside_xdist_a_load_is_skipped_with_the_reason(pytester: pytest.Pytester, dist: str) -> None:
    source = """
@pytest.mark.xdist_group("one")
@pytest.mark.load_sweep(time_steps=[0.2, 0.05], warmup=0, window=1)
def test_it(load_step, fake):
    load_step(fake)
"""
    result = run(pytester, "-n1", f"--dist={dist}", "-rs", source=source)
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*xdist is active, and tests that run in parallel disturb a load*"])
