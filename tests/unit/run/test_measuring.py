"""Trials as values: run one by one, joined afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction

import pytest

from pytest_unikernel.host.quiet import Excess, Quiescence, Quiet, Unrest
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session
from pytest_unikernel.testing import FakeTarget

PLAN = LoadPlan(Fraction(1, 20), warmup_s=0.1, window_s=2.0, trials=3, arrivals="poisson", seed=5)
OF_THIS_MACHINE = {"generator", "host"}


@pytest.fixture
def loads() -> Iterator[Loads]:
    session = Session()
    yield Loads(session, Quiescence(session.sample))
    session.close()


def measured(result: LoadResult) -> dict[str, object]:
    return {key: value for key, value in result.as_json().items() if key not in OF_THIS_MACHINE}


def test_trials_that_run_one_by_one_join_to_the_load_that_runs_at_once(loads: Loads) -> None:
    target = FakeTarget(service_time_s=lambda number: 0.01 + number % 7 / 1000)
    parts = [loads.trial(target, PLAN, number) for number in range(PLAN.trials)]
    joined = loads.finished(target, PLAN, parts).result
    assert measured(joined) == measured(loads.sweep(target, PLAN).result)
    assert joined.seeds == [5, 6, 7]
    assert joined.trials == 3


def test_a_part_is_not_changed_by_the_next_one(loads: Loads) -> None:
    target = FakeTarget(service_time_s=0.01)
    first = loads.trial(target, PLAN, 0)
    rows, seeds = len(first.trials[0].log), first.seeds
    loads.trial(target, PLAN, 1, first.trials)
    assert (len(first.trials), len(first.trials[0].log), first.seeds) == (1, rows, seeds)


def test_the_waits_of_all_trials_are_on_record_in_words_and_beside_it_as_data(loads: Loads) -> None:
    target = FakeTarget(service_time_s=0.01)
    busy, left = Excess(Unrest.CPU, 90, 2), Excess(Unrest.LEFTOVERS, 1)
    quiets = [
        Quiet(3.0, 3.0, True, (busy, left), 90.0),
        Quiet(0.5, 3.0, False),
        Quiet(3.0, 3.0, True, (busy,)),
    ]
    parts = [
        dataclasses.replace(loads.trial(target, PLAN, number), quiets=(quiet,))
        for number, quiet in enumerate(quiets)
    ]
    joined = loads.finished(target, PLAN, parts)
    assert joined.unrest == (busy, left)
    assert joined.result.quiescence == {
        "waits": 3,
        "waited_s": 6.5,
        "bound_s": 3.0,
        "bound_hit": 2,
        "reasons": ["CPU busy 90 %, 2 % before the first load", "1 process of earlier launches left"],
    }
    assert joined.result.host["busy_before_percent"] == 90.0


def test_a_load_whose_trials_did_not_all_run_is_marked(loads: Loads) -> None:
    target = FakeTarget(service_time_s=0.01)
    parts = [loads.trial(target, PLAN, 0)]
    assert loads.finished(target, PLAN, parts, interrupted=True).result.interrupted
    assert not loads.finished(target, PLAN, parts).result.interrupted


def test_a_later_trial_does_not_wait_for_a_first_completion_that_never_came(loads: Loads) -> None:
    dead = FakeTarget(service_time_s=1000.0, timeout_s=2.0)
    plan = LoadPlan(Fraction(1, 2), warmup_s=1.0, window_s=4.0, trials=2)
    first = loads.trial(dead, plan, 0)
    second = loads.trial(dead, plan, 1, first.trials)
    assert first.warmup_ns > 4e9
    assert second.warmup_ns == 1e9
