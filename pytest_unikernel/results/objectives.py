"""Judges loads by objectives of the response time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.plan.objectives import Objective
from pytest_unikernel.results.knee import verdict_on


def judged(result: LoadResult, objectives: Iterable[Objective]) -> dict[str, dict[str, Any]]:
    """Return a record's ``slo``, by statistic: figures, and whether it is met; None is undecided."""
    return {objective.statistic: _judged(result, objective) for objective in objectives}


def _judged(result: LoadResult, objective: Objective) -> dict[str, Any]:
    times = result.response_time_s
    launches = times.n + times.censored
    return {
        "limit_s": objective.limit_s,
        "value_s": times[objective.statistic],
        "met": met(result, objective),
        "launches": launches,
        "launches_needed": objective.launches_needed,
    }


def met(result: LoadResult, objective: Objective) -> bool | None:
    """Return whether a load meets an objective; None for too few launches or an interrupted load.

    A load whose verdict is not ok never meets an objective: the host cannot sustain its rate.
    """
    if result.interrupted:
        return None
    if verdict_on(result.verdict, result.completed) != "ok":
        return False
    times, value_s = result.response_time_s, result.response_time_s[objective.statistic]
    if times.n + times.censored < objective.launches_needed:
        return None
    if value_s is None or (times.censored and objective.statistic == "mean"):
        return False  # launches that never completed make it infinite
    return value_s <= objective.limit_s
