"""The search for the knee, on simulated servers whose capacity is known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from simulated import load, search, swept

from pytest_unikernel.plan.schedule import halving
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.knee import find_knee
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.skips import SkipCause, WhySkipped
from pytest_unikernel.run.bisection import (
    INTERVAL,
    MAX_LOADS,
    Search,
    interval_of,
    is_ok,
    knee_json,
    why_no_knee,
)
from pytest_unikernel.testing import FakeTarget
from pytest_unikernel.text.knee import knee_text

CAPACITIES = [(1, 0.02), (1, 1 / 37.2), (3, 0.11), (2, 1 / 3.7), (8, 0.03), (1, 1 / 511), (4, 0.0077)]


@pytest.mark.parametrize(("servers", "service_time_s"), CAPACITIES)
def test_the_interval_holds_the_capacity_and_is_5_per_cent_wide(servers: int, service_time_s: float) -> None:
    capacity_hz = servers / service_time_s
    hunt = search(FakeTarget(servers=servers, service_time_s=service_time_s))
    found = hunt.narrowed(is_ok)
    assert found.lower_hz is not None
    assert found.upper_hz is not None
    assert found.lower_hz <= capacity_hz * 1.01  # one launch of a window more or less
    assert capacity_hz <= found.upper_hz
    assert found.upper_hz / found.lower_hz <= INTERVAL
    assert len(hunt.loads) <= MAX_LOADS


@pytest.mark.parametrize("excess", [1.005, 1.02, 1.04, 1.051])
def test_a_step_that_a_verdict_lets_pass_although_it_is_too_fast_is_looked_at_again(excess: float) -> None:
    target = FakeTarget(servers=1, service_time_s=excess / 64)
    assert load(target, Fraction(1, 64)).verdict == "ok"
    found = search(target).narrowed(is_ok)
    assert found.lower_hz is not None
    assert found.upper_hz is not None
    assert found.lower_hz <= 64 / excess * 1.01
    assert 64 / excess <= found.upper_hz <= INTERVAL * found.lower_hz


def test_a_slow_target_whose_steps_have_too_few_launches_is_known_to_5_per_cent_too() -> None:
    target = FakeTarget(servers=1, service_time_s=1 / 1.8)  # 2/s passes with ten launches
    found = search(target).narrowed(is_ok)
    assert found.lower_hz is not None
    assert found.upper_hz is not None
    assert found.lower_hz <= 1.8 * 1.01
    assert 1.8 <= found.upper_hz <= INTERVAL * found.lower_hz


def test_a_bracket_as_wide_as_can_be_takes_no_more_loads_than_the_bound() -> None:
    target = FakeTarget(servers=1, service_time_s=1 / 100)
    results = swept(target, (Fraction(4), Fraction(1, 4000)))
    hunt = search(target, results)
    assert hunt.narrowed(is_ok).is_narrow
    assert 5 < len(hunt.loads) <= MAX_LOADS


def results_of(**verdicts: str) -> dict[Fraction, LoadResult]:
    """Return results by time step, from verdicts by rate: ``r4="ok"``."""
    example = load(FakeTarget(), Fraction(1, 4))
    found = {}
    for name, verdict in verdicts.items():
        rate_hz = int(name[1:])
        found[Fraction(1, rate_hz)] = dataclasses.replace(
            example,
            time_step_s=1 / rate_hz,
            offered_rate_hz=float(rate_hz),
            throughput_hz=float(rate_hz),
            verdict=verdict,  # type: ignore[arg-type] # the test's own verdict
            verdict_reason=f"{verdict} at {rate_hz}",
        )
    return found


def answering(hz: float, beyond: str = "saturated") -> Callable[[Fraction], LoadResult]:
    """Return a function that simulates the load of a step on a host with the given capacity."""

    def measure(step: Fraction) -> LoadResult:
        rate_hz = float(1 / step)
        example = results_of(r4=beyond if rate_hz > hz else "ok")[Fraction(1, 4)]
        return dataclasses.replace(
            example, time_step_s=float(step), offered_rate_hz=rate_hz, throughput_hz=rate_hz
        )

    return measure


def test_a_knee_that_is_known_well_enough_takes_no_load() -> None:
    hunt = Search(results_of(r100="ok", r104="saturated"), answering(0))
    assert (hunt.narrowed(is_ok).lower_hz, hunt.loads) == (100, [])


def test_where_every_step_was_ok_the_knee_is_a_lower_bound() -> None:
    hunt = Search(results_of(r1="ok", r2="ok"), answering(0))
    knee = knee_json(hunt.narrowed(is_ok), hunt.loads, 2, interrupted=False)
    assert (knee["rate_hz"], knee["per_core_hz"], knee["upper_hz"], knee["lower_bound"]) == (2, 1, None, True)
    assert (
        knee_text(find_knee([{"knee": knee}]), 2) == "knee ≥ 2/s, ≥ 1/s per core on 2 CPUs: every step was ok"
    )


def test_beside_a_generator_that_is_too_slow_the_knee_is_a_lower_bound() -> None:
    hunt = Search(results_of(r32="ok", r64="generator-bound"), answering(37.2, "generator-bound"))
    knee = knee_json(hunt.narrowed(is_ok), hunt.loads, 1, interrupted=False)
    assert knee["lower_bound"]
    assert 37.2 / INTERVAL < knee["rate_hz"] == knee["lower_hz"] <= 37.2 < knee["upper_hz"]
    text = knee_text(find_knee([{"knee": knee}]), 1)
    assert text.startswith("knee ≥ 3")
    assert "(generator-bound)" in text


def test_the_one_number_is_the_middle_of_the_interval_and_per_core_too() -> None:
    hunt = Search(results_of(r32="ok", r64="saturated"), answering(37.2))
    knee = knee_json(hunt.narrowed(is_ok), hunt.loads, 2, interrupted=False)
    assert knee["rate_hz"] == pytest.approx(math.sqrt(knee["lower_hz"] * knee["upper_hz"]))
    assert knee["per_core_hz"] == knee["rate_hz"] / 2
    assert [each["time_step_s"] for each in knee["loads"]] == [each.time_step_s for each in hunt.loads]
    assert {"offered_rate_hz", "throughput_hz", "p50", "p99", "verdict"} <= knee["loads"][0].keys()
    lower, upper = (f"{knee[end]:.1f}".removesuffix(".0") for end in ("lower_hz", "upper_hz"))
    assert f"({lower} to {upper})" in knee_text(find_knee([{"knee": knee}]), 2)


def test_an_interrupted_load_ends_the_search_and_counts_for_nothing() -> None:
    def measure(step: Fraction) -> LoadResult:
        return dataclasses.replace(answering(1000)(step), interrupted=True)

    hunt = Search(results_of(r32="ok", r64="saturated"), measure)
    found = hunt.narrowed(is_ok)
    assert (found.lower_hz, found.upper_hz, len(hunt.loads), hunt.interrupted) == (32, 64, 1, True)
    knee = knee_json(found, hunt.loads, 2, interrupted=True)
    assert knee_text(find_knee([{"knee": knee}])).endswith("; the search was interrupted")


def test_an_ok_step_faster_than_one_that_was_not_does_not_count() -> None:
    found = interval_of(results_of(r1="ok", r2="saturated", r4="ok"), is_ok)
    assert (found.lower_hz, found.upper_hz) == (1, 2)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({}, WhySkipped(SkipCause.NOTHING_RUN)),
        ({"r1": "saturated"}, WhySkipped(SkipCause.NONE_OK, Fraction(1), "saturated")),
        (
            {"r4": "failing"},
            WhySkipped(SkipCause.NONE_OK, Fraction(1, 4), "failing", (Fraction(1), Fraction(1, 2))),
        ),
        ({"r1": "ok", "r2": "ok"}, WhySkipped(SkipCause.ALL_OK, left_out=(Fraction(1, 4),))),
        ({"r1": "ok", "r4": "saturated"}, None),
        ({"r1": "ok", "r2": "ok", "r4": "ok"}, None),
    ],
)
def test_what_can_not_be_searched_has_a_reason(known: dict[str, str], reason: WhySkipped | None) -> None:
    assert why_no_knee(halving(Fraction(1), Fraction(1, 4)), results_of(**known)) == reason


def test_no_knee_comes_from_a_step_in_which_nothing_completed() -> None:
    """Records of earlier versions may call such a step ok."""
    steps = results_of(r1="ok", r2="ok")
    lost = {step: dataclasses.replace(result, completed=0) for step, result in steps.items()}
    assert interval_of(lost, is_ok).lower is None
    why = why_no_knee(tuple(lost), lost)
    assert why is not None
    assert (why.cause, why.verdict) == (SkipCause.NONE_OK, "failing")


@pytest.mark.parametrize(
    "target",
    [
        FakeTarget(fail_every=1),
        FakeTarget(fail_every=1, fail_as="spawn-error"),
        FakeTarget(fail_every=1, fail_as="killed"),
        FakeTarget(never_exits_every=1, timeout_s=0.5),
        FakeTarget(never_exits_every=1),
    ],
)
def test_a_sweep_of_a_target_that_never_completes_has_no_step_that_is_ok(target: Target) -> None:
    supervised = load(target, Fraction(1), 1.0, warmup_s=0.0, max_warmup_s=1.0, drain_timeout_s=1.0)
    assert supervised.completed == 0
    assert not is_ok(supervised)
