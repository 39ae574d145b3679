"""``--sweep-compare-fail``: sessions that fail, their messages, and the trials that it needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sweeprun import run, write

from pytest_unikernel.compare import sides  # here, so that runs in this process have the very same module

LIMITS = "--sweep-compare-fail=throughput:20%,p50:20%,knee:20%"
UNTESTED = 75
BUSY = 96.25
FIVE = "--sweep-trials=5"
SWEPT = """
import dataclasses


@pytest.mark.load_sweep(time_steps=[0.1, 0.05, 0.02], warmup=0, window=1)
def test_it(load_step):
    service_s = lambda launch: {service_s} + 0.0001 * (launch % 7)
    target = FakeTarget(service_time_s=service_s, servers={servers}, spawn_s={spawn_s})
    load_step(dataclasses.replace(target, variant={{}}))
"""


def source(service_s: float = 0.01, servers: int = 4, spawn_s: float = 0.0) -> str:
    return SWEPT.format(service_s=service_s, servers=servers, spawn_s=spawn_s)


@pytest.fixture
def saved(pytester: pytest.Pytester) -> Path:
    """A saved run of five trials at three time steps."""
    run(pytester, FIVE, "--benchmark-save=run", source=source()).assert_outcomes(passed=3)
    return next(pytester.path.glob(".benchmarks/*/0001_run.json"))


def compare(pytester: pytest.Pytester, *arguments: str, source: str = "") -> pytest.RunResult:
    return run(pytester, "--benchmark-compare", FIVE, *arguments, source=source)


@pytest.mark.usefixtures("saved")
def test_an_unchanged_checkout_passes_time_after_time(pytester: pytest.Pytester) -> None:
    for _ in range(3):
        result = compare(pytester, LIMITS)
        assert result.ret == 0
        result.stdout.no_fnmatch_line("*ERROR*")


@pytest.mark.usefixtures("saved")
def test_a_target_slower_by_a_third_fails_and_each_metric_is_named(pytester: pytest.Pytester) -> None:
    result = compare(pytester, LIMITS, source=source(service_s=0.0133))
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "ERROR: --sweep-compare-fail: worse than the baseline:",
            *(f"test_it.py::test_it?{step}s?: p50 +3*% (limit p50:20%)" for step in ("0.1", "0.05", "0.02")),
        ]
    )
    result.stdout.fnmatch_lines(["  knee 50/s, was 50/s, 0 % (0..0): no evidence: within the noise"])


DRIFTING = """
import dataclasses
import itertools

from pytest_unikernel.testing import FakeSupervisor

SLOW = itertools.cycle([{slower} * each for each in (1.0, 1.2, 1.1, 0.9, 1.3)])


class Drifting(FakeSupervisor):
    def begin_trial(self):
        super().begin_trial()
        if not hasattr(self, "behaviour"):
            return
        slow = next(SLOW)
        service_s = lambda launch: ({service_s} + 0.0001 * (launch % 7)) * slow**{power}
        changed = {{"service_time_s": service_s, "spawn_s": 0.0003 * slow}}
        self.behaviour = dataclasses.replace(self.behaviour, **changed)


@pytest.mark.load_sweep(time_steps=[0.1, 0.05, 0.02], warmup=0, window=1)
def test_it(load_step):
    load_step(dataclasses.replace(FakeTarget(), supervisor=Drifting))
"""


def drifting(slower: float, service_s: float = 0.01, *, power: int = 1) -> str:
    """A target on a host whose speed varies from trial to trial, which takes times to that power of it."""
    return DRIFTING.format(slower=slower, service_s=service_s, power=power)


def test_a_host_slower_by_a_third_is_no_change_of_a_target_whose_trials_follow_it(
    pytester: pytest.Pytester,
) -> None:
    run(pytester, FIVE, "--benchmark-save=run", source=drifting(1.0)).assert_outcomes(passed=3)
    result = compare(pytester, LIMITS, source=drifting(1.33))
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*failed*host",
            "*measured  corrected*",
            "  host: change of the time in which the generator*",
            "  share of the host's change that is removed: p50 100 %*",
        ]
    )
    slower_target = compare(pytester, LIMITS, source=drifting(1.33, 0.0133))
    assert slower_target.ret == pytest.ExitCode.TESTS_FAILED
    slower_target.stdout.fnmatch_lines(["*: p50 +3*% (limit p50:20%), corrected *; measured +7*%"])


def test_a_target_that_does_not_follow_the_host_is_judged_as_measured(pytester: pytest.Pytester) -> None:
    run(pytester, FIVE, "--benchmark-save=run", source=drifting(1.0, power=0)).assert_outcomes(passed=3)
    assert compare(pytester, LIMITS, source=drifting(1.33, power=0)).ret == 0
    result = compare(pytester, LIMITS, source=drifting(1.33, 0.0133, power=0))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*: p50 +3*% (limit p50:20%)*"])  # a start is 3 % of it, and goes with it


@pytest.mark.usefixtures("saved")
def test_without_the_option_nothing_fails(pytester: pytest.Pytester) -> None:
    result = compare(pytester, source=source(service_s=0.0133))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*! worse, * better, no mark: no evidence*"])


@pytest.mark.usefixtures("saved")
def test_a_step_that_is_skipped_now_fails_and_the_knee_too(pytester: pytest.Pytester) -> None:
    result = compare(pytester, LIMITS, source=source(service_s=0.11, servers=1))
    result.assert_outcomes(passed=2, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "test_it.py::test_it?0.05s?: verdict was ok, now saturated",
            "test_it.py::test_it?0.05s?: throughput -5*% (limit throughput:20%)",
            "test_it.py::test_it?0.02s?: verdict was ok, now skipped",
            "test_it.py::test_it: knee -80.0% (limit knee:20%)",
        ]
    )


@pytest.mark.usefixtures("saved")
def test_steps_that_were_not_asked_for_are_not_missed(pytester: pytest.Pytester) -> None:
    assert compare(pytester, LIMITS, "-k", "0.1s").ret == 0
    assert compare(pytester, LIMITS, "--sweep-time-steps=0.1,0.05").ret == 0


@pytest.mark.usefixtures("saved")
def test_with_one_trial_no_figure_fails_and_that_is_said(pytester: pytest.Pytester) -> None:
    slower = source(service_s=0.05)
    result = run(pytester, "--benchmark-compare", LIMITS, source=slower)
    assert result.ret == UNTESTED
    result.stdout.fnmatch_lines(
        ["*no evidence: one trial*", "--sweep-compare-fail: no metric could be tested*"]
    )


@pytest.mark.usefixtures("saved")
def test_a_run_under_other_conditions_is_not_compared(pytester: pytest.Pytester) -> None:
    slower = source(service_s=0.0133).replace("window=1", "window=2")
    result = compare(pytester, LIMITS, source=slower)
    assert result.ret == UNTESTED
    result.stdout.fnmatch_lines(["*not comparable: window 2 s against 1 s*"])


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the CPU time of saved records that were made busy for that of other work."""

    def percent(load: dict[str, Any]) -> float:
        return 90.0 if load["host"].get("cpu_percent") == BUSY else 4.0

    monkeypatch.setattr(sides, "others_percent", percent)


def make_busy(saved: Path) -> None:
    document = json.loads(saved.read_text())
    for bench in document["benchmarks"]:
        bench["extra_info"]["load"]["host"]["cpu_percent"] = BUSY
    saved.write_text(json.dumps(document))


@pytest.mark.usefixtures("others")
def test_a_gate_that_could_test_nothing_for_a_busy_host_does_not_pass(
    pytester: pytest.Pytester, saved: Path
) -> None:
    make_busy(saved)
    result = compare(pytester, LIMITS)
    result.assert_outcomes(passed=3)
    assert result.ret == UNTESTED
    result.stdout.fnmatch_lines(
        [
            "--sweep-compare-fail: no metric could be tested*",
            "  other work kept the host busy in one of the runs: *, or add --sweep-compare-busy",
        ]
    )
    assert compare(pytester).ret == 0  # without limits nothing is a gate


@pytest.mark.usefixtures("others")
def test_the_veto_of_a_busy_host_is_lifted_knowingly(pytester: pytest.Pytester, saved: Path) -> None:
    make_busy(saved)
    result = compare(pytester, LIMITS, "--sweep-compare-busy")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*compared although other work took 4 % of the CPU time, 90 %*"])
    slower = compare(pytester, LIMITS, "--sweep-compare-busy", source=source(service_s=0.0133))
    assert slower.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.usefixtures("saved")
def test_a_failed_test_is_the_exit_status_although_no_figure_could_be_tested(
    pytester: pytest.Pytester,
) -> None:
    failing = source() + "    assert False\n"
    result = run(pytester, "--benchmark-compare", LIMITS, source=failing)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("saving", ["--benchmark-autosave", "--benchmark-save=x", "--benchmark-json=x.json"])
def test_a_baseline_that_is_saved_on_a_busy_host_warns(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, saving: str
) -> None:
    monkeypatch.setattr(sides, "others_percent", lambda _: 62.0)
    result = run(pytester, saving, source=source())
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "WARNING: this run is a poor baseline: other work took 62 % of the CPU time in",
            "*--sweep-compare-busy",
        ]
    )
    run(pytester).stdout.no_fnmatch_line("WARNING: this run*")
    monkeypatch.setattr(sides, "others_percent", lambda _: 9.0)
    run(pytester, saving.replace("x", "y")).stdout.no_fnmatch_line("WARNING: this run*")


def test_a_comparison_needs_something_to_compare_with(pytester: pytest.Pytester) -> None:
    result = run(pytester, LIMITS, source=source())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --sweep-compare-fail: expected --benchmark-compare too, got none; add it*"]
    )


def test_without_a_saved_run_it_fails_and_says_how_to_make_one(pytester: pytest.Pytester) -> None:
    result = compare(pytester, LIMITS, source=source())
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["ERROR: --sweep-compare-fail: no saved run contains these tests; save one *"]
    )


def test_in_the_ini_file_it_waits_for_a_comparison(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsweep_compare_fail = p50:20%\n")
    assert run(pytester, source=source()).ret == 0
    assert compare(pytester).ret == pytest.ExitCode.TESTS_FAILED


def test_a_limit_that_is_none_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = compare(pytester, "--sweep-compare-fail=mean:20%", source=source())
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --sweep-compare-fail: compare_fail must be a list of METRIC:PERCENT*'mean:20%'*"]
    )


def test_a_saved_run_without_data_is_enough(pytester: pytest.Pytester, saved: Path) -> None:
    assert "data" not in json.loads(saved.read_text())["benchmarks"][0]["stats"]
    assert compare(pytester, LIMITS, source=source(service_s=0.0133)).ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.usefixtures("saved")
def test_cold_starts_are_compared_in_one_table(pytester: pytest.Pytester) -> None:
    cold = "\n\ndef test_cold(cold_start, fake):\n    cold_start(fake)\n"
    write(pytester, source() + cold)
    run(pytester, FIVE, "--benchmark-save=run")
    result = compare(pytester, LIMITS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["  fake: no evidence: one trial*"])


@pytest.mark.parametrize("record", [3, [], {}, {"target": "x"}, None, {"interrupted": True}])
def test_a_malformed_record_is_no_baseline_and_said(
    pytester: pytest.Pytester, saved: Path, record: object
) -> None:
    document = json.loads(saved.read_text())
    document["benchmarks"][0]["extra_info"]["load"] = record
    saved.write_text(json.dumps(document))
    result = compare(pytester, LIMITS)
    result.assert_outcomes(passed=3, warnings=int(record is not None))
    if record is not None:
        result.stdout.fnmatch_lines(
            ["*--benchmark-compare: test_it.py::test_it?0.1s?: not compared, because its saved record *"]
        )


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("arguments", [["--benchmark-disable"], ["-k", "nothing"], ["-n1"]])
def test_limits_that_had_nothing_to_judge_say_so(pytester: pytest.Pytester, arguments: list[str]) -> None:
    result = compare(pytester, LIMITS, *arguments)
    assert result.ret == (pytest.ExitCode.NO_TESTS_COLLECTED if "-k" in arguments else UNTESTED)
    result.stdout.fnmatch_lines(["--sweep-compare-fail: no load was measured, so nothing was compared"])
    assert not run(pytester, *arguments).stdout.str().count("--sweep-compare-fail")


@pytest.mark.usefixtures("saved")
@pytest.mark.parametrize("arguments", [["--benchmark-disable"], ["--benchmark-skip"], ["-n1"]])
def test_limits_in_the_ini_file_do_not_pass_a_comparison_without_a_measurement(
    pytester: pytest.Pytester, arguments: list[str]
) -> None:
    pytester.makeini("[pytest]\nsweep_compare_fail = p50:20%\n")
    result = compare(pytester, *arguments)
    assert result.ret == UNTESTED
    result.stdout.fnmatch_lines(["--sweep-compare-fail: no load was measured, so nothing was compared"])
    assert run(pytester, *arguments).ret == 0  # compares nothing
    plain = compare(pytester, *arguments, source="def test_plain():\n    pass\n")
    assert plain.ret == 0  # has no load


def test_limits_without_a_saved_run_are_told_of_once(pytester: pytest.Pytester) -> None:
    result = compare(pytester, LIMITS, source=source())
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [line for line in result.outlines if "--sweep-compare-fail" in line] == [
        "ERROR: --sweep-compare-fail: no saved run contains these tests; save one with --benchmark-autosave"
    ]
