"""The search for the knee as a test: ``knee=True`` and ``--sweep-knee``."""

from __future__ import annotations

import pytest
from sweeprun import benches, loads, run, run_apart, write

CAPACITY_HZ = 37.2
SEARCHED = """
@pytest.mark.load_sweep(time_steps=[1/8, 1/16, 1/32, 1/64, 1/128], warmup=0.1, knee=True)
def test_it(load_step):
    result = load_step(FakeTarget(service_time_s=1 / 37.2, servers=1))
"""
PLAIN = SEARCHED.replace(", knee=True", "")
# Counts its launches, and sends itself a signal at the first launch of the load of that number.
COUNTED = """
import os
from pathlib import Path

def take(number):
    if number == 0:
        with open("loads", "a") as file:
            file.write("x")
        if os.environ.get("STOP_AT") == str(len(Path("loads").read_text())):
            os.kill(os.getpid(), 2)
    return 1 / 37.2

@pytest.mark.load_sweep(time_steps=[1/8, 1/16, 1/32, 1/64, 1/128], warmup=0.1, knee=True)
def test_it(load_step):
    load_step(FakeTarget(service_time_s=take, servers=1))
"""


def load_count(pytester: pytest.Pytester) -> int:
    """Return how many loads there were since the last time."""
    path = pytester.path / "loads"
    count = len(path.read_text()) if path.exists() else 0
    path.unlink(missing_ok=True)
    return count


@pytest.mark.parametrize("how", ["marker", "option", "ini"])
def test_one_more_test_per_series_finds_the_knee(pytester: pytest.Pytester, how: str) -> None:
    if how == "ini":
        pytester.makeini("[pytest]\nsweep_knee = true\n")
    option = ["--sweep-knee"] if how == "option" else []
    source = SEARCHED if how == "marker" else PLAIN
    result = run(pytester, *option, "--benchmark-json=o.json", source=source)
    result.assert_outcomes(passed=5, skipped=1)
    record = loads(pytester.path / "o.json")["test_it[knee]"]
    knee = record["knee"]
    assert knee["lower_hz"] <= CAPACITY_HZ * 1.01
    assert CAPACITY_HZ <= knee["upper_hz"] <= 1.05 * knee["lower_hz"]
    assert knee["lower_hz"] <= knee["rate_hz"] <= knee["upper_hz"]
    assert record["verdict"] == "ok"
    assert knee["lower_hz"] == min(record["offered_rate_hz"], record["throughput_hz"])
    assert len(knee["loads"]) >= 4
    assert all(load["knee"] is None and load["distribution"] for load in knee["loads"])


def test_the_summary_has_the_one_number_and_the_loads_of_the_search(pytester: pytest.Pytester) -> None:
    result = run(pytester, source=SEARCHED)
    result.stdout.re_match_lines(
        [
            r" *1/32 s +32 .* ok$",
            r"1/38\.05 s +38\.1 .* ok$",
            r"1/38\.88 s +38\.9 .*  saturated$",
            r" *1/64 s +64 .* saturated$",
            r"  knee 38\.1/s \(37\.3 to 38\.9\), \S+/s per core on .*CPU",
        ]
    )


def test_the_test_gets_the_fastest_load_that_was_ok_and_the_fastest_time_step(
    pytester: pytest.Pytester,
) -> None:
    source = (
        SEARCHED.replace("load_step)", "load_step, timestep)")
        + """
    if result.knee:
        assert result.verdict == "ok"
        assert result.offered_rate_hz > 32
        assert type(timestep) is not float and timestep == 1 / 128
        assert result.knee["upper_verdict"] == "saturated"
        assert len(result.responses_s) == result.completed
    else:
        assert result.time_step_s == timestep > 1 / 128
"""
    )
    run(pytester, source=source).assert_outcomes(passed=5, skipped=1)


def test_all_trials_of_its_loads_are_run(pytester: pytest.Pytester) -> None:
    run(pytester, "--sweep-trials=3", "--benchmark-json=o.json", source=SEARCHED)
    knee = loads(pytester.path / "o.json")["test_it[knee]"]["knee"]
    assert {load["trials"] for load in knee["loads"]} == {3}


def test_each_variant_has_a_knee_of_its_own(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.parametrize("servers", [1, 2])
@pytest.mark.load_sweep(start=0.25, stop=1/64, warmup=0.1, knee=True)
def test_it(load_step, servers):
    load_step(FakeTarget(service_time_s=0.1, servers=servers))
"""
    run(pytester, "--benchmark-json=o.json", source=source)
    found = loads(pytester.path / "o.json")
    assert found["test_it[1-knee]"]["knee"]["rate_hz"] == pytest.approx(10, rel=0.05)
    assert found["test_it[2-knee]"]["knee"]["rate_hz"] == pytest.approx(20, rel=0.05)


def test_a_second_load_in_it_is_an_error_too(pytester: pytest.Pytester) -> None:
    source = SEARCHED + "    if result.knee: load_step(FakeTarget())\n"
    result = run(pytester, source=source)
    result.assert_outcomes(passed=4, skipped=1, failed=1)
    result.stdout.fnmatch_lines(
        ["load_step: expected one load per test, got a second (test_it.py::test_it?knee?)*"]
    )


# without a bracket ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ("knee", "no time step of this series was run before the search; select the time steps too"),
        (
            "knee or 0.015625s",
            "no step was ok, 1/64 s was saturated already; also run the steps that were left out: 3*",
        ),
        (
            "knee or 0.03125s",
            "every step that was run was ok; also run the steps that were left out: 4 steps from 1/8 s",
        ),
    ],
)
def test_where_steps_were_left_out_it_is_skipped_and_says_which(
    pytester: pytest.Pytester, chosen: str, reason: str
) -> None:
    result = run(pytester, "-rs", "-k", chosen, source=SEARCHED)
    result.stdout.fnmatch_lines([f"SKIPPED*knee: {reason}"])
    assert result.parseoutcomes()["skipped"] == 1


def test_two_steps_around_the_knee_are_enough(pytester: pytest.Pytester) -> None:
    run(pytester, "-k", "knee or 0.125s or 0.015625s", source=SEARCHED).assert_outcomes(
        passed=3, deselected=3
    )


def test_where_no_step_was_ok_it_is_skipped_and_the_summary_says_so(pytester: pytest.Pytester) -> None:
    source = SEARCHED.replace("1 / 37.2", "1")
    result = run(pytester, source=source)
    result.assert_outcomes(passed=1, skipped=5)
    result.stdout.fnmatch_lines(
        [
            "  knee < 8/s (saturated)",
            "  not run: the search: no step was ok, 1/8 s was saturated already; start*",
        ]
    )


def test_where_every_step_was_ok_the_knee_is_a_lower_bound_without_a_load(pytester: pytest.Pytester) -> None:
    source = SEARCHED.replace("1 / 37.2", "0.001")
    result = run(pytester, "--benchmark-json=o.json", source=source)
    result.assert_outcomes(passed=6)
    knee = loads(pytester.path / "o.json")["test_it[knee]"]["knee"]
    assert (knee["lower_bound"], knee["upper_hz"], knee["loads"]) == (True, None, [])
    result.stdout.fnmatch_lines(["  knee ≥ 128/s, ≥ * per core on *: every step was ok"])


def test_beside_a_generator_that_is_too_slow_it_is_a_lower_bound(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.load_sweep(time_steps=[0.1, 0.01], warmup=0.1, knee=True)
def test_it(load_step):
    load_step(FakeTarget(service_time_s=0.01, spawn_s=0.02))
"""
    result = run(pytester, "--sweep-drain-timeout=5", source=source)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["  knee ≥ *not * (generator-bound)*"])


def test_a_target_that_can_not_run_here_is_the_reason_not_its_missing_steps(
    pytester: pytest.Pytester,
) -> None:
    source = """
@pytest.mark.load_sweep(**FAST, knee=True)
def test_it(load_step):
    load_step(Target("no_such", ["/bin/true"], probe=lambda: Unavailable("it isn't there", "get it")))
"""
    result = run(pytester, "-rs", source=source)
    result.assert_outcomes(skipped=1)
    result.stdout.no_fnmatch_line("*knee: *")
    run(pytester, "--sweep-require=no_such").assert_outcomes(failed=1)


def test_with_benchmarks_disabled_it_is_one_launch_as_everywhere(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-disable", source=COUNTED).assert_outcomes(passed=6)
    assert load_count(pytester) == 6


# interrupted and resumed ---------------------------------------------------------------------------


def test_an_interrupted_search_keeps_what_was_measured_and_is_resumed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AT", "6")  # the second load of the search
    result = run_apart(pytester, "--benchmark-json=o.json", source=COUNTED)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert load_count(pytester) == 6
    record = loads(pytester.path / "o.json")["test_it[knee]"]
    assert record["interrupted"]
    assert [load["interrupted"] for load in record["knee"]["loads"]] == [False, True]
    result.stdout.fnmatch_lines(["  knee *; the search was interrupted"])
    (journal,) = pytester.path.glob(".pytest_cache/d/unikernel/*")

    monkeypatch.delenv("STOP_AT")
    resumed = run_apart(pytester, f"--sweep-resume={journal}", "--benchmark-json=p.json")
    resumed.assert_outcomes(passed=5, skipped=1)
    again = loads(pytester.path / "p.json")["test_it[knee]"]
    assert load_count(pytester) == len(again["knee"]["loads"]) - 1
    assert not again["interrupted"]
    assert not list(pytester.path.glob(".pytest_cache/d/unikernel/*"))


def test_a_saved_search_is_not_run_again(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-json=o.json", source=COUNTED)
    assert load_count(pytester) >= 8
    result = run(pytester, "--sweep-resume=o.json", "--benchmark-json=p.json")
    result.assert_outcomes(passed=5, skipped=1)
    assert load_count(pytester) == 0
    before, after = (benches(pytester.path / name)["test_it[knee]"] for name in ("o.json", "p.json"))
    assert before["extra_info"] == after["extra_info"]
    assert before["stats"]["data"] == after["stats"]["data"]
    result.stdout.fnmatch_lines(
        ["  1/38.88 s instances in flight rose*; taken", "    over from the resumed run"]
    )


def test_a_search_between_other_steps_is_another_search(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-json=o.json", source=COUNTED)
    load_count(pytester)
    write(pytester, COUNTED.replace("1/32, ", "1/33, "))
    run(pytester, "--sweep-resume=o.json")
    assert load_count(pytester) > 1


# a baseline ----------------------------------------------------------------------------------------


def test_the_knee_is_compared_with_the_baselines(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-autosave", source=SEARCHED)
    result = run(pytester, "--benchmark-compare")
    result.stdout.fnmatch_lines(["  knee against the baseline: 38.1/s, was 38.1/s (37.3 to 38.9): +0.0%"])
    result.stdout.no_fnmatch_line("*not in the baseline*")
    result.stdout.no_fnmatch_line("*missing in the baseline*")  # the loads of the search, which are no tests
    assert result.stdout.str().count("was 38.1/s") == 1


# objectives ----------------------------------------------------------------------------------------


def test_the_highest_rate_that_meets_an_objective_is_in_summary_and_record(pytester: pytest.Pytester) -> None:
    arguments = ["--sweep-slo=p50:30ms,p99:1s", "--benchmark-json=o.json"]
    result = run(pytester, *arguments, source=PLAIN)
    result.stdout.fnmatch_lines(
        [
            "  slo p50 <= 30 ms: up to 32/s; not at 64/s (saturated)",
            "  slo p99 <= 1 s: no rate is known to meet it; not at 64/s (saturated)",
            "  slo p99 at 32/s: too few launches: 299 needed, 128 measured;*",
        ]
    )
    slo = loads(pytester.path / "o.json")["test_it[0.03125s]"]["slo"]
    assert slo["p50"]["met"] is True
    assert slo["p99"]["met"] is None


def test_299_launches_below_the_limit_prove_a_p99(pytester: pytest.Pytester) -> None:
    arguments = ["--sweep-slo=p99:1s", "--sweep-min-launches=299", "--benchmark-json=o.json"]
    result = run(pytester, *arguments, source=PLAIN)
    result.stdout.fnmatch_lines(["  slo p99 <= 1 s: up to 32/s; not at 64/s (saturated)"])
    about = loads(pytester.path / "o.json")["test_it[0.03125s]"]["slo"]["p99"]
    assert (about["met"], about["launches"], about["beyond"], about["launches_needed"]) == (True, 299, 0, 299)


def test_a_search_narrows_objectives_down_too(pytester: pytest.Pytester) -> None:
    arguments = ["--sweep-slo=p50:30ms", "--benchmark-json=o.json"]
    result = run(pytester, *arguments, source=SEARCHED)
    result.stdout.fnmatch_lines(["  slo p50 <= 30 ms: up to 3*/s (3* to 3*); not at 3*"])
    interval = loads(pytester.path / "o.json")["test_it[knee]"]["slo"]["p50"]["interval"]
    assert interval["upper_hz"] <= 1.05 * interval["lower_hz"]
    assert interval["lower_hz"] <= CAPACITY_HZ * 1.01


def test_objectives_of_a_resumed_run_are_judged_anew(pytester: pytest.Pytester) -> None:
    run(pytester, "--benchmark-json=o.json", source=PLAIN)
    arguments = ["--sweep-slo=p50:30ms", "--sweep-resume=o.json", "--benchmark-json=p.json"]
    run(pytester, *arguments).stdout.fnmatch_lines(["  slo p50 <= 30 ms: up to 32/s; not at 64/s*"])
    assert loads(pytester.path / "p.json")["test_it[0.125s]"]["slo"]["p50"]["met"] is True
