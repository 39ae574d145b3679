"""The course of a load over its seconds, in equal bins: a host that keeps up, or falls over. Pure.

Only one trial is shown, the worst: a mean of trials would smooth away the instant at which a host fell over.
A bin is a whole number of time steps, so that fixed arrivals put the same number of launches into each; their
number is bounded, so that a record's size doesn't grow with its load.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.plan.outcome import FAILURES, Outcome
from pytest_unikernel.results.summary import quantile
from pytest_unikernel.results.trial import Trial, most_in_flight
from pytest_unikernel.results.verdict import censored

MOST_BINS = 100
DIGITS = 4  # of a time: bins are for charts
LOST = frozenset({*FAILURES, Outcome.DROPPED})


class Bins(NamedTuple):
    """Bins of one width; ``edges_ns`` has one more than there are bins."""

    width_ns: float
    edges_ns: list[int]


def over_time(trials: Sequence[Trial]) -> dict[str, Any] | None:
    """Return the record's course of the worst trial; None for cold starts, and where nothing was due."""
    shown = [number for number, trial in enumerate(trials) if trial.step_ns and len(trial.log)]
    if not shown:
        return None
    number = max(shown, key=lambda each: badness(trials[each]))
    trial = trials[number]
    bins = bins_of(trial, trial.step_ns or 0.0)
    return {
        "trial": number,
        "begin_s": (bins.edges_ns[0] - trial.begin_ns) / NS_PER_S,
        "bin_s": bins.width_ns / NS_PER_S,
        "window_s": trial.window_s,
        **_counts(trial, bins.edges_ns),
        **_times(trial, bins.edges_ns),
    }


def badness(trial: Trial) -> tuple[float, float]:
    """Return the share of the cohort that did not complete, and the mean response time of the others."""
    counts, response_ns = trial.counts(), trial.ordered_response_ns
    lost = 1 - counts[Outcome.COMPLETED] / counts.total() if counts else 0.0
    return lost, sum(response_ns) / len(response_ns) if response_ns else 0.0


def bins_of(trial: Trial, step_ns: float) -> Bins:
    """Return the bins from the first launch to the last exit.

    What comes after the last launch is cut where it is longer than all before: a time-out of a minute would
    leave a window of seconds in one bin.
    """
    due_ns = trial.log.scheduled_ns
    first_ns, last_ns = due_ns[0], due_ns[-1]
    last_exit_ns = max(trial.exits_ns[-1:], default=last_ns)
    end_ns = max(last_ns, min(last_exit_ns, 2 * last_ns - first_ns)) + 1
    length_ns = end_ns - first_ns
    width_ns = step_ns * max(1, math.ceil(length_ns / step_ns / (MOST_BINS - 1)))  # quotients are rounded
    bins = math.ceil(length_ns / width_ns)
    return Bins(width_ns, [first_ns + math.floor(each * width_ns) for each in range(bins + 1)])


def _counts(trial: Trial, edges_ns: Sequence[int]) -> dict[str, list[int]]:
    """Return the events of each bin, of all launches: of warm-up, window and cool-down."""
    log = trial.log
    ended_ns = log.ready_ns if trial.completes_when_ready else log.exited_ns
    completed_ns = (ended_ns[row] for row, code in enumerate(log.outcome) if code == Outcome.COMPLETED)
    lost_ns = (_lost_at_ns(trial, row) for row, code in enumerate(log.outcome) if code in LOST)
    return {
        "started": _counted(trial.starts_ns, edges_ns),
        "completed": _counted(sorted(completed_ns), edges_ns),
        "failed": _counted(sorted(lost_ns), edges_ns),
        "in_flight_max": [most_in_flight(trial, *ends) for ends in pairwise(edges_ns)],
    }


def _lost_at_ns(trial: Trial, row: int) -> int:
    """Return the instant at which a launch failed; a launch that was never started fails when it is due."""
    exited_ns = trial.log.exited_ns[row]
    return exited_ns if exited_ns >= 0 else trial.log.scheduled_ns[row]


def _counted(ordered_ns: Sequence[int], edges_ns: Sequence[int]) -> list[int]:
    return [
        later - earlier for earlier, later in pairwise(bisect_left(ordered_ns, each) for each in edges_ns)
    ]


def _times(trial: Trial, edges_ns: Sequence[int]) -> dict[str, list[float | None]]:
    """Return lateness and response time of the launches that were due in each bin."""
    places = [bisect_left(trial.log.scheduled_ns, each) for each in edges_ns]
    bins = [replace(trial, rows=range(low, high)) for low, high in pairwise(places)]
    return {
        "lateness_p50_s": _each(bins, lambda each: quantile(each.ordered_lateness_ns, 0, 0.5)),
        "lateness_max_s": _each(bins, lambda each: max(each.ordered_lateness_ns[-1:], default=None)),
        "response_p50_s": _each(bins, _response_p50_ns),
        "response_max_s": _each(bins, lambda each: max(each.ordered_response_ns[-1:], default=None)),
    }


def _response_p50_ns(each: Trial) -> float | None:
    return quantile(each.ordered_response_ns, censored(each.counts()), 0.5)


def _each(bins: Iterable[Trial], value_ns: Callable[[Trial], float | None]) -> list[float | None]:
    return [_seconds(value_ns(each)) for each in bins]


def _seconds(value_ns: float | None) -> float | None:
    return None if value_ns is None else float(f"{value_ns / NS_PER_S:.{DIGITS}g}")
