"""Events of launches -> declared intervals between them. Pure.

Every launch has the events ``scheduled``, ``started``, ``ready`` and ``exited``; the instance reports all
others. A launch counts as censored if it lacks one of the two events or has them in the wrong order, or if
the wall clock stamped one of them and was set during the load.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import StampLog, Target
from pytest_unikernel.results.launches import NONE_NS, LaunchLog
from pytest_unikernel.results.summary import Summary, summarize
from pytest_unikernel.results.trial import Trial

BUILT_IN = {"scheduled": "scheduled_ns", "started": "started_ns", "ready": "ready_ns", "exited": "exited_ns"}
EventPair = tuple[str, str]


class Spans(NamedTuple):
    """The times from one event to another, launch by launch.

    Attributes:
        lasted_ns: the times of the launches that have both events, in order.
        missing: the number of launches that lack one of the events.
        out_of_order: the number of launches that have the second event before the first.
    """

    lasted_ns: array[int]
    missing: int = 0
    out_of_order: int = 0


def spans(begins_ns: Sequence[int], ends_ns: Sequence[int]) -> Spans:
    """Return the spans between two instants of each launch; ``NONE_NS`` marks a missing instant."""
    known = [pair for pair in zip(begins_ns, ends_ns, strict=True) if NONE_NS not in pair]
    lasted_ns = array("q", [end_ns - begin_ns for begin_ns, end_ns in known if end_ns >= begin_ns])
    return Spans(lasted_ns, missing=len(begins_ns) - len(known), out_of_order=len(known) - len(lasted_ns))


def intervals(target: Target, trials: Sequence[Trial]) -> dict[str, Summary]:
    """Return the summary of each declared pair of events, by ``A->B``."""
    return _summaries({f"{first}->{second}": (first, second) for first, second in target.intervals}, trials)


def phases(target: Target, trials: Sequence[Trial]) -> dict[str, Summary]:
    """Return the summary of each named pair of events."""
    return _summaries(target.phases, trials)


def neighbours(target: Target, trials: Sequence[Trial]) -> dict[str, Summary]:
    """Return the summary of each pair of consecutive stamps in a launch; empty without a log of stamps.

    urunc's own scripts use the same pairs. Processes run concurrently, so there are more pairs than stamps. A
    pair covers the launches in which its two stamps followed one another.
    """
    if not isinstance(target.stamps, StampLog):
        return {}
    lasted_ns: dict[EventPair, array[int]] = {}
    for stamped in _stamped(trials):
        for (first, begin_ns), (second, end_ns) in pairwise(sorted(stamped, key=itemgetter(1))):
            lasted_ns.setdefault((first, second), array("q")).append(end_ns - begin_ns)
    return {f"{first}->{second}": summarize(each) for (first, second), each in sorted(lasted_ns.items())}


def _stamped(trials: Sequence[Trial]) -> Iterator[list[tuple[str, int]]]:
    """Yield the stamps of each of the cohort's completed launches."""
    for trial in trials:
        log = trial.log
        for row in trial.rows:
            if log.outcome[row] == Outcome.COMPLETED:
                yield [each for each in log.events.get(row, {}).items() if each[0] in log.wall_clock]


def stamp_counts(target: Target, trials: Sequence[Trial]) -> dict[str, int | dict[str, int]]:
    """Return the numbers of defects in a log's stamps, by interval or phase; empty without a log.

    A launch that lacks one of two stamps, or has the second before the first, has no such interval.
    """
    if not isinstance(target.stamps, StampLog):
        return {}
    declared = {
        **{f"{first}->{second}": (first, second) for first, second in target.intervals},
        **target.phases,
    }
    found = {name: _spans(pair, trials) for name, pair in declared.items()}
    return {
        "missing": {name: each.missing for name, each in found.items() if each.missing},
        "out_of_order": {name: each.out_of_order for name, each in found.items() if each.out_of_order},
        "of_others": sum(trial.log.other_stamps for trial in trials),
        "foreign": sum(trial.log.foreign_lines for trial in trials),
    }


def _summaries(pairs: Mapping[str, EventPair], trials: Sequence[Trial]) -> dict[str, Summary]:
    found = {name: _spans(pair, trials) for name, pair in pairs.items()}
    return {name: summarize(each.lasted_ns, each.missing + each.out_of_order) for name, each in found.items()}


def _spans(pair: EventPair, trials: Sequence[Trial]) -> Spans:
    """Return the spans of the cohort's completed launches."""
    first, second = pair
    return spans(_instants_ns(trials, first, beside=second), _instants_ns(trials, second, beside=first))


def _instants_ns(trials: Sequence[Trial], event: str, *, beside: str) -> list[int]:
    """Return the event's instant in each launch; ``NONE_NS`` if it can't be compared to ``beside``."""
    return [
        instant_ns(trial.log, row, event) if are_comparable(trial.log, event, beside) else NONE_NS
        for trial in trials
        for row in trial.rows
        if trial.log.outcome[row] == Outcome.COMPLETED
    ]


def are_comparable(log: LaunchLog, first: str, second: str) -> bool:
    """Return whether both events have the same clock, or the offset between their clocks was constant."""
    return not log.wall_clock_moved or (first in log.wall_clock) == (second in log.wall_clock)


def instant_ns(log: LaunchLog, row: int, event: str) -> int:
    """Return the instant of a launch's event; ``NONE_NS`` is one that never came."""
    if event in BUILT_IN:
        found: int = getattr(log, BUILT_IN[event])[row]
        return found
    return log.events.get(row, {}).get(event, NONE_NS)
