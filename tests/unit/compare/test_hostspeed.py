"""A host of varying speed: the host's and the target's share of a change."""

from __future__ import annotations

import math

import pytest
from comparedruns import (
    OTHERS,
    SERIES,
    SPAWN_S,
    SPEEDS,
    Record,
    drifting,
    mixed,
    name,
    record,
    row,
    run,
    steady,
)

from pytest_unikernel.compare.judging import compare
from pytest_unikernel.compare.sides import sides
from pytest_unikernel.results.comparison import Change, Comparison
from pytest_unikernel.results.evidence import Cause


def compared(old: Record, new: Record, *, same_host: bool = True) -> Comparison:
    return compare(sides([run(old)]), sides([run(new)]), same_host=same_host)


def p50_of(comparison: Comparison) -> Change:
    return next(each for test, each in comparison.judged() if (test, each.metric) == (name(1.0), "p50"))


@pytest.mark.parametrize("factor", [1.1, 1 / 1.1])
def test_a_change_is_found_on_a_host_whose_speed_differs_by_more_from_trial_to_trial(factor: float) -> None:
    old, new = drifting(SPEEDS), drifting(OTHERS, 0.02 * factor)
    found = p50_of(compared(old, new))
    assert found.judgement == ("worse" if factor > 1 else "better")
    assert found.change == pytest.approx(factor - 1, abs=0.02)
    as_measured = p50_of(compared(old, new, same_host=False))
    assert (as_measured.judgement, as_measured.counts) == ("no evidence", "measured")


@pytest.mark.parametrize("same_host", [True, False])
@pytest.mark.parametrize("speeds", [OTHERS, tuple(1.6 * speed for speed in OTHERS)])
def test_the_change_of_every_figure_is_that_which_is_said_to_count(
    speeds: tuple[float, ...], *, same_host: bool
) -> None:
    comparison = compared(drifting(SPEEDS), drifting(speeds, 0.024), same_host=same_host)
    tested = [each for _, each in comparison.judged() if each.counts is not None]
    assert {each.metric for each in tested} >= {"throughput", "p50", "failure_rate", "knee"}
    for each in tested:
        assert each.change == getattr(each, each.counts or "")
    assert {each.counts for each in tested} == {"measured", "corrected"} if same_host else {"measured"}


def test_a_host_that_was_slower_in_one_of_the_runs_is_no_change_of_the_target() -> None:
    old, new = drifting(SPEEDS), drifting(tuple(1.6 * speed for speed in OTHERS))
    comparison = compared(old, new)
    found = p50_of(comparison)
    assert found.judgement == "no evidence"
    assert found.change == pytest.approx(0, abs=0.01)
    assert found.measured == pytest.approx(0.6, abs=0.1)
    assert comparison.series[0].steps[0].host == pytest.approx(0.6, abs=0.1)
    assert p50_of(compared(old, new, same_host=False)).judgement == "worse"


def test_what_does_not_depend_on_the_hosts_speed_stays_as_it_is() -> None:
    old, new = (
        record(1.0, [row(p50_s * (1 + 0.001 * number), spawn_s=SPAWN_S * each) for number, each in speeds])
        for p50_s, speeds in ((0.02, enumerate(SPEEDS)), (0.024, enumerate(reversed(SPEEDS))))
    )
    found = p50_of(compared(old, new))
    assert found.judgement == "worse"
    assert found.change == pytest.approx(0.2, abs=0.01)


def test_a_host_that_was_steady_within_each_run_shows_no_sensitivity_so_measured_counts() -> None:
    old, new = (
        record(1.0, [row(p50_s * (1 + 0.001 * number), spawn_s=spawn_s) for number in range(5)])
        for p50_s, spawn_s in ((0.02, SPAWN_S), (0.03, 1.3 * SPAWN_S))
    )
    found = p50_of(compared(old, new))
    assert (found.judgement, found.counts) == ("worse", "measured")
    assert (found.sensitivity, found.corrected) == (0, None)
    assert found.change == found.measured == pytest.approx(0.5, abs=0.005)


STEPS = (1.0, 0.5, 0.25, 0.125, 0.0625)
LATER = 1.27  # as much longer starts take in the later run


def swept(power: float, slower: float, changed: dict[float, float] | None = None) -> dict[str, Record]:
    """A run of five steps whose times are the host's speed to a power; some steps have a change."""
    records = []
    for turn, step_s in enumerate(STEPS):
        speeds = [slower * each for each in (*SPEEDS[turn:], *SPEEDS[:turn])]
        p50_s = 0.02 * (changed or {}).get(step_s, 1.0)
        rows = [
            row(p50_s * each**power * (1 + 0.005 * (-1) ** number), spawn_s=SPAWN_S * each)
            for number, each in enumerate(speeds)
        ]
        records.append(record(step_s, rows))
    return run(*records)


@pytest.mark.parametrize("steps", [STEPS[:1], STEPS[2:3], STEPS[-1:], STEPS[1:3], STEPS])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("slower", "factor"), [(LATER, 1.27), (1 / LATER, 1 / 1.27), (1.6, 1.27), (LATER, 2.0)]
)
def test_a_real_change_is_never_taken_for_the_hosts(
    slower: float, factor: float, power: float, steps: tuple[float, ...]
) -> None:
    """Whether at one step or at all of them, and whatever of it goes with the host's speed by chance."""
    old, new = swept(power, 1.0), swept(power, slower, dict.fromkeys(steps, factor))
    for step in compare(sides([old]), sides([new])).series[0].steps:
        found = next(each for each in step.changes if each.metric == "p50")
        real = factor if step.step_s in steps else 1.0
        assert found.judgement == ("no evidence" if real == 1.0 else "worse" if real > 1 else "better")
        assert found.change == pytest.approx(real - 1, abs=0.02)
        assert found.measured == pytest.approx(real * slower**power - 1, abs=0.02 + 0.3 * power)
        assert found.counts == ("corrected" if power else "measured")
        assert found.corrected == (found.change if power else None)
        assert found.sensitivity == pytest.approx(power, abs=0.03)


def test_a_metric_that_does_not_follow_the_host_is_not_corrected_by_one_that_does() -> None:
    """Such as where one launch in fifty waits for a time-out."""
    old, new = swept(1.0, 1.0), swept(1.0, LATER)
    for loads, p99_s in ((old, 0.2), (new, 0.2 * 1.27)):
        for load in loads.values():
            load["per_trial"] = [
                {**each, "p99": p99_s * (1 + 0.002 * (-1) ** n)} for n, each in enumerate(load["per_trial"])
            ]
    changes = compare(sides([old]), sides([new])).series[0].steps[0].changes
    told = {each.metric: (each.judgement, each.counts) for each in changes}
    assert told["p50"] == ("no evidence", "corrected")
    assert told["p99"] == ("worse", "measured")
    assert told["throughput"] == ("no evidence", "measured")


def test_what_a_slope_leaves_in_doubt_widens_the_interval_and_the_noise() -> None:
    old, near = drifting(SPEEDS), drifting(OTHERS)
    far = drifting(tuple(3 * speed for speed in OTHERS))
    close, apart = (p50_of(compared(old, each)) for each in (near, far))
    assert None not in {close.noise, apart.noise, close.low, apart.low}
    assert (apart.high or 0) - (apart.low or 0) > (close.high or 0) - (close.low or 0)


def test_where_the_hosts_speed_is_not_known_of_all_trials_figures_are_compared_as_measured() -> None:
    for old, new in (
        (drifting(SPEEDS, timed=False), drifting(SPEEDS)),
        (drifting(SPEEDS), drifting(SPEEDS, timed=False)),
    ):
        comparison = compared(old, new)
        found = p50_of(comparison)
        assert found.measured == found.change
        assert comparison.series[0].steps[0].host is None


def test_runs_of_one_trial_that_were_made_in_turn_know_it_by_their_whole_load() -> None:
    old, new = (
        [
            run(record(1.0, [row(0.02 * factor * speed)], generator={"spawn_s": SPAWN_S * speed}))
            for speed in speeds
        ]
        for factor, speeds in ((1.0, SPEEDS), (1.1, OTHERS))
    )
    found = p50_of(compare(sides(old), sides(new)))
    assert found.judgement == "worse"
    assert found.change == pytest.approx(0.1, abs=0.01)


# steps and the knee -------------------------------------------------------------------------------


def saturated(verdict: str) -> Record:
    return mixed(0.5, [verdict] * 5, verdict)


@pytest.mark.parametrize(("slower", "explains"), [(1.2, True), (1.02, False)])
def test_a_knee_that_moved_with_the_hosts_speed_is_no_evidence(slower: float, *, explains: bool) -> None:
    def slow(factor: float) -> Record:
        rows = [row(0.02 * factor, rate_hz=1.0, spawn_s=SPAWN_S * factor) for _ in range(5)]
        return record(1.0, rows)

    runs = run(slow(1.0), saturated("ok")), run(slow(slower), saturated("saturated"))
    old, new = (sides([each]) for each in runs)
    there, back = compare(old, new), compare(new, old)
    for comparison, judgement, percent in ((there, "worse", 20.0), (back, "better", -100 / 6)):
        judged = {(test, each.metric): each for test, each in comparison.judged()}
        for found in (judged[SERIES, "knee"], judged[name(0.5), "verdict"]):
            assert found.judgement == ("no evidence" if explains else judgement)
            if explains:
                assert found.why is not None
                assert found.why.cause is Cause.HOST_SPEED
                assert found.why.figures == pytest.approx((percent,))


def test_a_knee_that_moved_against_the_hosts_speed_is_reported() -> None:
    fast = record(1.0, [row(0.02, rate_hz=1.0, spawn_s=SPAWN_S / 1.3)] * 5)
    usual = record(1.0, [row(0.02, rate_hz=1.0, spawn_s=SPAWN_S)] * 5)
    comparison = compare(sides([run(usual, saturated("ok"))]), sides([run(fast, saturated("saturated"))]))
    assert comparison.series[0].knee is not None
    assert comparison.series[0].knee.judgement == "worse"


def test_a_small_change_of_a_steady_host_is_still_a_change() -> None:
    """All trials are equal, as on a dedicated host; zero must not be divided by zero."""
    equal = record(1.0, [row(0.02, spawn_s=SPAWN_S)] * 5)
    assert p50_of(compared(equal, equal)).change == 0
    slower = record(1.0, [row(0.022, spawn_s=SPAWN_S)] * 5)
    found = p50_of(compared(equal, slower))
    assert found.judgement == "worse"
    assert math.isclose(found.change or 0.0, 0.1)


def test_cold_starts_are_compared_likewise() -> None:
    def cold(factor: float, slow: float) -> Record:
        rows = [row(0.02 * factor * slow * each, spawn_s=SPAWN_S * slow * each) for each in SPEEDS]
        return {**steady(None), "per_trial": rows, "trials": 5}

    comparison = compare(sides([run(cold(1.0, 1.0))]), sides([run(cold(1.0, 1.5))]))
    found = next(each for _, each in comparison.judged() if each.metric == "p50")
    assert found.judgement == "no evidence"
    assert found.change == pytest.approx(0, abs=1e-9)
