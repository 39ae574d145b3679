"""Where launches spend their service time: means of phases that don't overlap, and of the remainder. Pure.

All means are over the same launches: the cohort's completed ones that have every event of the partition, in
order. So they add up to those launches' mean service time exactly, whatever became of the others, which are
counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.partition import READY, chain_of
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.intervals import are_comparable, instant_ns
from pytest_unikernel.results.launches import NONE_NS, LaunchLog
from pytest_unikernel.results.trial import Trial


class Lasted(NamedTuple):
    """How long one launch was in each phase, before it was ready and from then on, and until it was ready."""

    before_ready_ns: list[int]
    after_ready_ns: list[int]
    service_ns: int


def partition(target: Target, trials: Sequence[Trial]) -> dict[str, Any] | None:
    """Return the record's partition; None where the target declares none."""
    if not target.partition:
        return None
    events = chain_of(target)
    launches = [_lasted(trial.log, row, events) for trial in trials for row in _completed(trial)]
    known = [each for each in launches if each is not None]
    before_ns = _sums([each.before_ready_ns for each in known], len(target.partition))
    after_ns = _sums([each.after_ready_ns for each in known], len(target.partition))
    service_ns = sum(each.service_ns for each in known)
    phases = [
        {"name": name, "before_ready_s": _mean_s(before, known), "after_ready_s": _mean_s(after, known)}
        for name, before, after in zip(target.partition, before_ns, after_ns, strict=True)
    ]
    return {
        "n": len(known),
        "left_out": len(launches) - len(known),
        "service_time_s": _mean_s(service_ns, known),
        "other_s": _mean_s(service_ns - sum(before_ns), known),
        "phases": phases,
    }


def _completed(trial: Trial) -> Iterator[int]:
    return (row for row in trial.rows if trial.log.outcome[row] == Outcome.COMPLETED)


def _sums(lasted_ns: Sequence[Sequence[int]], phases: int) -> list[int]:
    return [sum(each[number] for each in lasted_ns) for number in range(phases)]


def _mean_s(sum_ns: int, launches: Sequence[Lasted]) -> float | None:
    return sum_ns / len(launches) / NS_PER_S if launches else None


def _lasted(log: LaunchLog, row: int, events: Sequence[str]) -> Lasted | None:
    """Return how long a launch was in each phase; None where that can't be known."""
    started_ns, ready_ns = log.started_ns[row], log.ready_ns[row]
    places_ns = _places_ns(log, row, events)
    if places_ns is None:
        return None
    spans = list(pairwise(places_ns))
    before_ns = [max(0, min(end_ns, ready_ns) - begin_ns) for begin_ns, end_ns in spans]
    after_ns = [max(0, end_ns - max(begin_ns, ready_ns)) for begin_ns, end_ns in spans]
    return Lasted(before_ns, after_ns, ready_ns - started_ns)


def _places_ns(log: LaunchLog, row: int, events: Sequence[str]) -> list[int] | None:
    """Return the instants that the phases lie between; None if one is unknown, or they aren't in order.

    A variant may move ``ready``: where it isn't between its neighbours in the chain, the phase that it would
    turn around is empty.
    """
    if not all(are_comparable(log, event, READY) for event in events):
        return None
    measured = {event: instant_ns(log, row, event) for event in events if event != READY}
    ordered = [log.started_ns[row], *measured.values()]
    if NONE_NS in ordered or any(later < earlier for earlier, later in pairwise(ordered)):
        return None
    return [_kept_between(log, row, events, at, measured) for at in range(len(events))]


def _kept_between(log: LaunchLog, row: int, events: Sequence[str], at: int, measured: dict[str, int]) -> int:
    if events[at] != READY:
        return measured[events[at]]
    earliest_ns = measured[events[at - 1]] if at else log.started_ns[row]
    kept_ns = max(log.ready_ns[row], earliest_ns)
    return min(kept_ns, measured[events[at + 1]]) if at + 1 < len(events) else kept_ns
