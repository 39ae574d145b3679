"""Judges loads by objectives of the response time. Pure.

A quantile is judged by the number of launches beyond its limit: a sample's quantile is often below the limit
where the target's is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.plan import binomial
from pytest_unikernel.plan.objectives import Objective
from pytest_unikernel.results.knee import verdict_on
from pytest_unikernel.results.summary import BUCKET_BASE


def judged(result: LoadResult, objectives: Iterable[Objective]) -> dict[str, dict[str, Any]]:
    """Return a record's ``slo``, by statistic: figures, and whether it is met; None is undecided."""
    return {objective.statistic: _judged(result, objective) for objective in objectives}


def _judged(result: LoadResult, objective: Objective) -> dict[str, Any]:
    times = result.response_time_s
    most = beyond(result, objective.limit_s)[1]
    return {
        "limit_s": objective.limit_s,
        "value_s": times[objective.statistic],
        "met": met(result, objective),
        "launches": times.n + times.censored,
        "beyond": most,
        "launches_needed": objective.launches_needed(most),
    }


def met(result: LoadResult, objective: Objective) -> bool | None:
    """Return whether a load meets an objective; None if its launches prove neither, or it was interrupted.

    A load whose verdict is not ok never meets an objective: the host cannot sustain its rate.
    """
    if result.interrupted:
        return None
    if verdict_on(result.verdict, result.completed) != "ok":
        return False
    return (
        _mean_met(result, objective)
        if objective.q is None
        else _proven(result, objective.limit_s, objective.q)
    )


def holds(result: LoadResult, objective: Objective) -> bool | None:
    """Return whether a search takes an objective as met.

    Near the limit no number of launches proves either. A search, whose rate is an estimate too, then uses the
    sample's quantile if the load has ``launches_wanted`` launches.
    """
    decided, times = met(result, objective), result.response_time_s
    if decided is not None or result.interrupted or times.n + times.censored < objective.launches_wanted:
        return decided
    value_s = times[objective.statistic]
    return value_s is not None and value_s <= objective.limit_s


def _mean_met(result: LoadResult, objective: Objective) -> bool | None:
    times = result.response_time_s
    if times.n + times.censored < objective.launches_needed():
        return None
    # Launches that never completed make it infinite.
    return times.mean is not None and not times.censored and times.mean <= objective.limit_s


def _proven(result: LoadResult, limit_s: float, q: float) -> bool | None:
    """Return whether the launches prove the q-quantile below a limit, or above it; None if neither."""
    least, most = beyond(result, limit_s)
    launches = result.response_time_s.n + result.response_time_s.censored
    if binomial.proves_below(most, launches, q):
        return True
    return False if binomial.proves_above(least, launches, q) else None


def beyond(result: LoadResult, limit_s: float) -> tuple[int, int]:
    """Return the least and the most launches that can have taken longer than a limit.

    They differ if only the histogram of a load is left: the bucket that holds the limit is undecided.
    """
    times = result.response_time_s
    if len(result.responses_s) == times.n:
        count = sum(value_s > limit_s for value_s in result.responses_s)
        return count + times.censored, count + times.censored
    about = result.distribution
    base, unit_s = about.get("base") or BUCKET_BASE, about.get("unit_s") or 1e-9
    buckets = [(int(index), int(count)) for index, count in about.get("response_time_s") or ()]
    surely = sum(count for index, count in buckets if index and base ** (index - 1) * unit_s >= limit_s)
    perhaps = sum(count for index, count in buckets if base**index * unit_s > limit_s)
    unknown = times.n - sum(count for _, count in buckets)
    # The buckets of a damaged record may hold more launches than it has.
    least, most = (min(max(0, count), times.n) for count in (surely, perhaps + unknown))
    return least + times.censored, most + times.censored
