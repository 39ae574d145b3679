"""Events of launches -> declared intervals between them. Pure.

Every launch has the events ``scheduled``, ``started``, ``ready`` and ``exited``; others are those that the
instance reported. A launch that lacks one of the two, or has them in the wrong order, is counted as censored;
so is one with one of them by the wall clock, if that was set during the load.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_unikernel.record import NONE_NS, LaunchLog, Outcome
from pytest_unikernel.stats import Trial
from pytest_unikernel.summary import Summary, summarize
from pytest_unikernel.target import Target

BUILT_IN = {"scheduled": "scheduled_ns", "started": "started_ns", "ready": "ready_ns", "exited": "exited_ns"}
Pair = tuple[str, str]


class Spans(NamedTuple):
    """How long it was from one event to another, launch by launch.

    Attributes:
        lasted_ns: of the launches that have both, in order.
        missing: how many launches lack one of them.
        out_of_order: how many have the second before the first.
    """

    lasted_ns: array[int]
    missing: int = 0
    out_of_order: int = 0


def spans(begins_ns: Sequence[int], ends_ns: Sequence[int]) -> Spans:
    """Return the spans from one instant of each launch to another; ``NONE_NS`` is one that never came."""
    known = [pair for pair in zip(begins_ns, ends_ns, strict=True) if NONE_NS not in pair]
    lasted_ns = array("q", [end_ns - begin_ns for begin_ns, end_ns in known if end_ns >= begin_ns])
    return Spans(lasted_ns, missing=len(begins_ns) - len(known), out_of_order=len(known) - len(lasted_ns))


def intervals(target: Target, trials: Sequence[Trial]) -> dict[str, Summary]:
    """Return the summary of each declared pair of events, by ``A->B``."""
    return _summaries({f"{first}->{second}": (first, second) for first, second in target.intervals}, trials)


def phases(target: Target, trials: Sequence[Trial]) -> dict[str, Summary]:
    """Return the summary of each named pair of events."""
    return _summaries(target.phases, trials)


def _summaries(pairs: Mapping[str, Pair], trials: Sequence[Trial]) -> dict[str, Summary]:
    return {name: _summary(pair, trials) for name, pair in pairs.items()}


def _summary(pair: Pair, trials: Sequence[Trial]) -> Summary:
    """Return the summary over the cohort's completed launches."""
    first, second = pair
    found = spans(_instants_ns(trials, first, beside=second), _instants_ns(trials, second, beside=first))
    return summarize(found.lasted_ns, found.missing + found.out_of_order)


def _instants_ns(trials: Sequence[Trial], event: str, *, beside: str) -> list[int]:
    """Return the instant of each launch, unless it can't be held against that of the other event."""
    return [
        _instant_ns(trial.log, row, event) if _are_comparable(trial.log, event, beside) else NONE_NS
        for trial in trials
        for row in trial.rows
        if trial.log.outcome[row] == Outcome.COMPLETED
    ]


def _are_comparable(log: LaunchLog, first: str, second: str) -> bool:
    """Whether both are of one clock, or the clocks have stayed as far apart as they were."""
    return not log.wall_clock_moved or (first in log.wall_clock) == (second in log.wall_clock)


def _instant_ns(log: LaunchLog, row: int, event: str) -> int:
    if event in BUILT_IN:
        instant_ns: int = getattr(log, BUILT_IN[event])[row]
        return instant_ns
    return log.events.get(row, {}).get(event, NONE_NS)
