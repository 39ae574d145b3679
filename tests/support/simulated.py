"""Loads and sweeps of simulated targets, in virtual time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from pytest_unikernel.launch.generator import LoadGenerator
from pytest_unikernel.launch.guards import open_guard
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.schedule import halving
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.result import LoadResult, Surroundings
from pytest_unikernel.results.verdict import verdict
from pytest_unikernel.run.bisection import BACKLOG_SHARE, LAUNCHES, Search, launches_within
from pytest_unikernel.testing import FakeSupervisor

STEPS = halving(Fraction(4), Fraction(1, 1024))


def load(target: Target, step: Fraction, window_s: float = 4.0, **plan: Any) -> LoadResult:
    """Run one load of the target in virtual time."""
    assert target.supervisor is not None
    supervisor = target.supervisor(target, None, 60.0)
    assert isinstance(supervisor, FakeSupervisor)
    plan_ = LoadPlan(step, window_s=max(window_s, 10 * float(step)), **plan)
    trial = LoadGenerator(supervisor, plan_, open_guard()).run()
    around = Surroundings("sweep", float(step), "fixed", (), 1.0, 2, 60.0, {}, {}, {}, {})
    return make_result(target, [trial], [verdict(trial)], around)


def searched(target: Target, step: Fraction) -> LoadResult:
    window_s = float(launches_within(LAUNCHES, 60.0, step) * step)
    return load(target, step, max(4.0, window_s), backlog_share=BACKLOG_SHARE)


def swept(target: Target, steps: tuple[Fraction, ...] = STEPS) -> dict[Fraction, LoadResult]:
    """Return the results of a sweep, which ends with its first step that is not ok."""
    results: dict[Fraction, LoadResult] = {}
    for step in steps:
        results[step] = load(target, step)
        if results[step].verdict != "ok":
            break
    return results


def search(target: Target, results: dict[Fraction, LoadResult] | None = None) -> Search:
    known = swept(target) if results is None else results
    return Search(known, lambda step: searched(target, step))
