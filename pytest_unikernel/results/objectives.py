"""Judges loads by objectives of the response time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.plan.objectives import Objective


def judged(result: LoadResult, objectives: Iterable[Objective]) -> dict[str, dict[str, Any]]:
    """Return a record's ``slo``: whether each objective was met; None is undecided."""
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
    """Return whether a load meets an objective; None where it has too few launches, or was cut short.

    One that isn't ok doesn't: its rate can't be kept up, whatever the window shows.
    """
    if result.interrupted:
        return None
    if result.verdict != "ok":
        return False
    times, value_s = result.response_time_s, result.response_time_s[objective.statistic]
    if times.n + times.censored < objective.launches_needed:
        return None
    if value_s is None or (times.censored and objective.statistic == "mean"):
        return False  # so many never completed that it is infinite
    return value_s <= objective.limit_s
