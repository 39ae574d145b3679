"""Loads as tests: valid requests, the end of a series, messages to the user."""

from __future__ import annotations

import socket

import pytest
from sweeprun import FAKE, TWO_STEPS, loads, run, run_apart

from pytest_unikernel.results.verdict import Steal
from pytest_unikernel.run import meter

REVERSED = """
def pytest_collection_modifyitems(items):
    items.reverse()
"""


# one load per test -------------------------------------------------------------------------------


def test_a_second_load_is_an_error_that_names_the_test(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(**FAST)
def test_twice(load_step, fake):
    load_step(fake)
    load_step(fake)
"""
    result = run(pytester, source=source)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["load_step: expected one load per test, got a second (test_it.py::test_twice*0.1s*"]
    )


def test_a_step_and_a_cold_start_in_one_test_are_two_loads(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_both(load_step, cold_start, fake):
    load_step(fake)
    cold_start(fake)
"""
    result = run(pytester, source=source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["cold_start: expected one load per test, got a second (test_it.py::test_both*"]
    )


def test_load_step_without_the_marker_is_an_error_that_names_the_marker(pytester: pytest.Pytester) -> None:
    result = run(pytester, source="def test_plain(load_step, fake):\n    load_step(fake)\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["load_step: expected a test with the marker load_sweep, got none (test_it.py::test_plain); add @*"]
    )


@pytest.mark.parametrize("wrong", ["'/bin/true'", "None", "FakeTarget", "['/bin/true']"])
def test_what_is_no_target_is_refused_with_its_repr(pytester: pytest.Pytester, wrong: str) -> None:
    result = run(pytester, source=f"def test_wrong(cold_start):\n    cold_start({wrong})\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["cold_start: expected a Target, got *(test_it.py::test_wrong)"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("launches", ["0", "-1", "True", "2.0", "'3'"])
def test_a_number_of_launches_is_a_whole_number(pytester: pytest.Pytester, launches: str) -> None:
    result = run(
        pytester, source=f"def test_n(cold_start, fake):\n    cold_start(fake, launches={launches})\n"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"cold_start: launches must be a whole number >= 1, got {launches} *"])


def test_a_used_up_or_refused_fixture_brings_no_warning(pytester: pytest.Pytester) -> None:
    result = run(pytester, source="def test_plain(load_step, fake):\n    load_step(fake)\n")
    result.stdout.no_fnmatch_line("*Benchmark fixture was not used*")


WRONG_IN_BODY = "def test_it(cold_start):\n    cold_start(Target('x', ['true'], ready='x'))\n"
WRONG_IN_FIXTURE = """
@pytest.fixture
def wrong():
    return Target("x", ["true"], ready="x")


def test_it(cold_start, wrong):
    cold_start(wrong)
"""


@pytest.mark.parametrize("source", [WRONG_IN_BODY, WRONG_IN_FIXTURE, "def test_it(cold_start):\n    1 / 0\n"])
def test_a_test_that_fails_before_its_load_brings_no_warning(pytester: pytest.Pytester, source: str) -> None:
    result = run(pytester, source=source)
    assert "not used" not in result.stdout.str()
    assert result.ret == 1


def test_a_test_that_forgets_its_load_is_warned_about(pytester: pytest.Pytester) -> None:
    result = run(pytester, source="def test_it(cold_start):\n    pass\n")
    result.stdout.fnmatch_lines(["*Benchmark fixture was not used*"])


def test_an_error_of_ours_fails_the_test_without_a_traceback(pytester: pytest.Pytester) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = f"""
from pytest_unikernel import Port

@pytest.mark.load_sweep(**FAST)
def test_it(load_step):
    port = Port(number={server.getsockname()[1]})
    load_step(Target("served", ["/bin/sleep", "1"], ready=port, long_lived=True))
"""
        result = run(pytester, source=source)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["load_step: ready: expected nobody at port *"])
    result.stdout.no_fnmatch_line("*load.py:*")


# series ------------------------------------------------------------------------------------------

OVERLOADED_AT_25_HZ = """
@pytest.mark.load_sweep(time_steps=[0.2, 0.1, 0.04, 0.035], warmup=1, window=20)
def test_it(load_step, fake):
    load_step(FakeTarget(service_time_s=0.045, servers=1))
"""


def test_steps_after_the_first_that_is_not_ok_are_skipped_with_the_reason(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-rs", source=OVERLOADED_AT_25_HZ)
    result.assert_outcomes(passed=3, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*test_it.py:*not run: 1/25 s was saturated already"])


def test_in_reverse_order_nothing_is_skipped(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(REVERSED)
    run(pytester, "--benchmark-json=o.json", source=OVERLOADED_AT_25_HZ).assert_outcomes(passed=4)
    verdicts = {load["time_step_s"]: load["verdict"] for load in loads(pytester.path / "o.json").values()}
    assert verdicts == {0.2: "ok", 0.1: "ok", 0.04: "saturated", 0.035: "saturated"}


def test_a_generator_that_is_too_slow_ends_the_series_too(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.01, 0.005], warmup=0.1, window=2)
def test_it(load_step):
    load_step(FakeTarget(service_time_s=0.01, spawn_s=0.012))
"""
    result = run(pytester, "--sweep-drain-timeout=5", "-rs", source=source)
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*not run: 1/100 s was generator-bound already"])


def test_each_variant_of_a_parametrized_test_is_a_series_of_its_own(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.parametrize("servers", [1, 9])
@pytest.mark.load_sweep(time_steps=[0.2, 0.05, 0.025], warmup=1, window=20)
def test_it(load_step, servers):
    load_step(FakeTarget(service_time_s=0.09, servers=servers))
"""
    result = run(pytester, "--benchmark-json=o.json", source=source)
    result.assert_outcomes(passed=5, skipped=1)
    found = {name: load["verdict"] for name, load in loads(pytester.path / "o.json").items()}
    assert found == {
        "test_it[1-0.2s]": "ok",
        "test_it[1-0.05s]": "saturated",
        "test_it[9-0.2s]": "ok",
        "test_it[9-0.05s]": "ok",
        "test_it[9-0.025s]": "ok",
    }


def test_classes_and_functions_of_one_name_are_series_of_their_own(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.05], warmup=1, window=20)
class TestSlow:
    def test_it(self, load_step):
        load_step(FakeTarget(service_time_s=0.11, servers=1))


class TestFast:
    @pytest.mark.load_sweep(time_steps=[0.1, 0.05], warmup=0, window=1)
    def test_it(self, load_step, fake):
        load_step(fake)


@pytest.mark.load_sweep(time_steps=[0.1, 0.05], warmup=0, window=1)
def test_it(load_step, fake):
    load_step(fake)
"""
    run(pytester, source=source).assert_outcomes(passed=5, skipped=1)


def test_a_failed_load_ends_its_series_and_says_how_its_launches_ended(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(**FAST)
def test_it(load_step):
    load_step(FakeTarget(fail_every=1))
"""
    result = run(pytester, source=source)
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["fake: none of 10 launches completed (exit-code 10); *"])


def test_a_window_is_whole_steps_and_on_record_as_it_was(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=["1/3"], warmup=0, window=0.34)
def test_given(load_step, fake):
    load_step(fake)

@pytest.mark.load_sweep(time_steps=[0.39], warmup=0)
def test_of_profile(load_step, fake):
    load_step(fake)

@pytest.mark.load_sweep(time_steps=[0.41], warmup=0)
def test_stretched(load_step, fake):
    load_step(fake)
"""
    run(pytester, "--benchmark-json=o.json", source=source).assert_outcomes(passed=3)
    for name, load in loads(pytester.path / "o.json").items():
        asked_s, was_s = {"g": (0.34, 2 / 3), "o": (4.0, 4.29), "s": (4.1, 4.1)}[
            name.removeprefix("test_")[0]
        ]
        assert load["settings"]["window_s"] == pytest.approx(asked_s)
        assert load["window_s"] == pytest.approx(was_s)
        assert load["throughput_hz"] == pytest.approx(load["offered_rate_hz"])


ONCE_LATE = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.05], warmup=0, window=1)
def test_it(load_step):
    load_step(stalling())


def stalling():
    import dataclasses
    import itertools

    numbers = itertools.count()

    def supervisor(*args, **kwargs):
        late = FakeTarget(spawn_stall=(0.5, 0.15) if next(numbers) < {late} else None)
        return late.supervisor(*args, **kwargs)

    return dataclasses.replace(FakeTarget(), supervisor=supervisor)
"""


@pytest.mark.parametrize("order", ["series", "rounds"])
def test_a_step_that_one_late_launch_made_generator_bound_is_repeated_once(
    pytester: pytest.Pytester, order: str
) -> None:
    source = ONCE_LATE.replace("{late}", "1")
    result = run(pytester, "--benchmark-json=o.json", f"--sweep-order={order}", source=source)
    result.assert_outcomes(passed=2)
    for load in loads(pytester.path / "o.json").values():
        first = load["first_attempt"]
        assert (load["verdict"], first["verdict"]) == ("ok", "generator-bound")
        assert first["scheduled"] == load["scheduled"]
        assert first["verdict_reason"].startswith("launches were ")
        assert first["first_attempt"] is None
    result.stdout.fnmatch_lines(["  1/10 s repeated: at first generator-bound, launches were * ms late*"])


def test_a_step_that_is_late_twice_is_generator_bound_with_both_attempts_on_record(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "steal", lambda _: Steal(0.5, 12.0))
    result = run(pytester, "--benchmark-json=o.json", source=ONCE_LATE.replace("{late}", "2"))
    result.assert_outcomes(passed=1, skipped=1)
    load = loads(pytester.path / "o.json")["test_it[0.1s]"]
    assert load["verdict"] == load["first_attempt"]["verdict"] == "generator-bound"
    assert "the host stole the CPU (500 ms of CPU time, 12.0 %)" in load["verdict_reason"]


@pytest.mark.parametrize("order", ["series", "rounds"])
def test_a_step_whose_repetition_is_refused_keeps_its_first_load(
    pytester: pytest.Pytester, order: str
) -> None:
    """As by ``--sweep-quiet-host=fail``, for a host that was quiet the first time."""
    source = ONCE_LATE.replace("{late}", "1")
    source = "from pytest_unikernel.errors import LoadError\n" + source
    source += """

import pytest_unikernel.run.measuring as measuring

@pytest.fixture(autouse=True)
def refusing(monkeypatch):
    swept, count = measuring.Loads.trials, []
    def trials(self, target, plan, numbers, before=()):
        count.append(1)
        if len(count) == 2:
            raise LoadError("the host is busy")
        return swept(self, target, plan, numbers, before)
    monkeypatch.setattr(measuring.Loads, "trials", trials)
"""
    result = run(pytester, "--benchmark-json=o.json", f"--sweep-order={order}", "-k", "0.1s", source=source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the load is on record, but it could not be repeated: the host is busy*"])
    load = loads(pytester.path / "o.json")["test_it[0.1s]"]
    assert (load["verdict"], load["first_attempt"]) == ("generator-bound", None)


def test_a_step_whose_only_launch_failed_is_failing_and_gives_no_knee(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[1, 0.5], warmup=0, window=1)
def test_it(load_step):
    load_step(FakeTarget(fail_every=1))
"""
    result = run(pytester, "--benchmark-json=o.json", source=source)
    result.assert_outcomes(failed=1, skipped=1)
    load = loads(pytester.path / "o.json")["test_it[1s]"]
    assert (load["verdict"], load["verdict_reason"]) == ("failing", "1 of 1 launches failed")
    result.stdout.fnmatch_lines(["  knee < 1/s (failing)*"])


# other plugins and options ------------------------------------------------------------------------


def test_without_pytest_benchmark_a_load_says_what_is_missing(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-p", "no:benchmark", source=TWO_STEPS + "\ndef test_plain(): pass\n")
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(["load_step and cold_start need pytest-benchmark, which is not loaded; *"])


@pytest.mark.parametrize("disabled", [[], ["--benchmark-disable"]])
def test_under_xdist_loads_are_skipped_with_the_reason(
    pytester: pytest.Pytester, disabled: list[str]
) -> None:
    source = TWO_STEPS + "\ndef test_plain(): pass\n"
    result = run_apart(pytester, "-n2", "-rs", *disabled, source=source)
    result.assert_outcomes(skipped=2, passed=1)
    result.stdout.fnmatch_lines(
        ["*xdist is active, and tests that run in parallel disturb a load; run with -n0"]
    )


def test_without_workers_xdist_does_not_matter(pytester: pytest.Pytester) -> None:
    run_apart(pytester, "-n0", "--benchmark-json=o.json", source=TWO_STEPS).assert_outcomes(passed=2)
    assert len(loads(pytester.path / "o.json")) == 2


@pytest.mark.parametrize(
    "arguments",
    [["-p", "no:cacheprovider"], ["-p", "no:terminal"], ["-s"], ["-p", "no:capture"], ["-q"], ["-v"]],
    ids=" ".join,
)
def test_loads_do_not_need(pytester: pytest.Pytester, arguments: list[str]) -> None:
    result = run_apart(pytester, "--benchmark-json=o.json", *arguments, source=TWO_STEPS)
    assert result.ret == 0
    assert len(loads(pytester.path / "o.json")) == 2
    result.stderr.no_fnmatch_line("*Traceback*")


def test_collecting_runs_nothing(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--co", "-q", source=TWO_STEPS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["test_it.py::test_it*0.1s*", "test_it.py::test_it*0.05s*"])


def test_the_first_failure_ends_a_run_with_x_and_its_load_is_kept(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(**FAST)
def test_it(load_step, fake):
    assert load_step(fake).verdict == "never"
"""
    result = run(pytester, "-x", "--benchmark-json=o.json", source=source)
    result.assert_outcomes(failed=1)
    assert [load["verdict"] for load in loads(pytester.path / "o.json").values()] == ["ok"]


def test_the_last_failed_step_is_run_again_alone(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(**FAST)
def test_it(load_step, fake, timestep):
    load_step(fake)
    assert timestep > 0.05
"""
    run(pytester, source=source).assert_outcomes(passed=1, failed=1)
    run(pytester, "--lf").assert_outcomes(failed=1)


def test_a_hook_of_others_gets_each_result_after_it_was_recorded(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
def pytest_unikernel_load_ended(item, result):
    recorded = item.funcargs["benchmark"].extra_info["load"]
    print("HOOK", item.name, result.target, result.as_json() == recorded)
""")
    result = run(pytester, "-s", source=TWO_STEPS)
    result.stdout.fnmatch_lines(["*HOOK test_it?0.1s? fake True*", "*HOOK test_it?0.05s? fake True*"])


def test_several_targets_in_one_file_keep_their_names(pytester: pytest.Pytester) -> None:
    source = """
@pytest.fixture(params=["a", "b"])
def target(request):
    return FakeTarget(request.param)


@pytest.mark.load_sweep(time_steps=[0.1], warmup=0, window=1)
def test_it(load_step, target):
    load_step(target)
"""
    run(pytester, "--benchmark-json=o.json", source=source).assert_outcomes(passed=2)
    assert {load["target"] for load in loads(pytester.path / "o.json").values()} == {"a", "b"}


def test_results_are_readable_as_attributes_and_as_json(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.001], warmup=0, window=3)
def test_it(load_step, fake, timestep):
    result = load_step(fake)
    assert isinstance(result, LoadResult)
    assert result.time_step_s == timestep == 0.001
    assert result.response_time_s.p99_9 == result.response_time_s["p99.9"] > 0
    assert result.lateness_s.p50 is not None
    assert result.completed == result.scheduled == 3000
"""
    run(pytester, source=source).assert_outcomes(passed=1)


def test_a_target_of_real_processes_is_one_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        FAKE
        + """
@pytest.fixture
def shell():
    return Target("shell", ["/bin/sh", "-c", "echo $UNIKERNEL_ID"])


@pytest.mark.load_sweep(time_steps=[0.05], warmup=0, window=0.3)
def test_it(load_step, shell):
    assert load_step(shell).completed == 6
"""
    )
    run(pytester, "--sweep-quiet-host=off").assert_outcomes(passed=1)


# a busy host ---------------------------------------------------------------------------------------

BUSIER_AND_BUSIER = """
from itertools import count
from pytest_unikernel.host.quiet import Excess, Quiet, Unrest
from pytest_unikernel.run.measuring import Loads

PERCENT = count(50)


@pytest.fixture(autouse=True)
def busy(monkeypatch):
    def wait(*_):
        return Quiet(3.0, 3.0, True, (Excess(Unrest.CPU, next(PERCENT), 2),), 5.0)
    monkeypatch.setattr(Loads, "_quiet", wait)


@pytest.mark.load_sweep(time_steps=[0.2, 0.1, 0.05], warmup=0, window=1)
def test_it(load_step, fake):
    load_step(fake)
"""


def test_loads_that_began_on_a_busy_host_are_summed_up_by_what_was_busy(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--benchmark-json=o.json", source=BUSIER_AND_BUSIER)
    result.stdout.fnmatch_lines(
        ["  1/5 s … 1/20 s (3 steps) began on a busy host after a wait of 3 s: CPU busy"]
    )
    reasons = [load["quiescence"]["reasons"] for load in loads(pytester.path / "o.json").values()]
    assert reasons == [[f"CPU busy {percent} %, 2 % before the first load"] for percent in (50, 51, 52)]
