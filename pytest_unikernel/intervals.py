"""Events of launches -> declared intervals between them. Pure.

Every launch has the events ``scheduled``, ``started``, ``ready`` and ``exited``; others are those that the
instance reported. A launch that lacks one of the two, or has them in the wrong order, is counted as censored;
so is one with one of them by the wall clock, if that was set during the load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_unikernel.record import NONE_NS, LaunchLog, Outcome
from pytest_unikernel.stats import Trial
from pytest_unikernel.summary import Summary, summarize
from pytest_unikernel.target import Target

BUILT_IN = {"scheduled": "scheduled_ns", "started": "started_ns", "ready": "ready_ns", "exited": "exited_ns"}
Pair = tuple[str, str]


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
    lasted_ns = [
        _between(trial.log, row, pair)
        for trial in trials
        for row in trial.rows
        if trial.log.outcome[row] == Outcome.COMPLETED
    ]
    known_ns = [each for each in lasted_ns if each is not None]
    return summarize(known_ns, len(lasted_ns) - len(known_ns))


def _between(log: LaunchLog, row: int, pair: Pair) -> int | None:
    first, second = pair
    if log.wall_clock_moved and (first in log.wall_clock) != (second in log.wall_clock):
        return None
    begin_ns, end_ns = _instant_ns(log, row, first), _instant_ns(log, row, second)
    if NONE_NS in (begin_ns, end_ns) or end_ns < begin_ns:
        return None
    return end_ns - begin_ns


def _instant_ns(log: LaunchLog, row: int, event: str) -> int:
    if event in BUILT_IN:
        instant_ns: int = getattr(log, BUILT_IN[event])[row]
        return instant_ns
    return log.events.get(row, {}).get(event, NONE_NS)
