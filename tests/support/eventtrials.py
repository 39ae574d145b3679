"""Trials of launches with events, made up."""

from __future__ import annotations

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.trial import Trial

MS = 1_000_000


def trial(*launches: dict[str, int], outcome: Outcome = Outcome.COMPLETED) -> Trial:
    """A trial of launches due at 0, started at 1 ms, ready at 5 ms, gone at 6 ms, with events in ms."""
    log = LaunchLog()
    for events in launches:
        row = log.add(0)
        log.started_ns[row], log.ready_ns[row], log.exited_ns[row] = MS, 5 * MS, 6 * MS
        log.outcome[row] = outcome
        log.events[row] = {name: at_ms * MS for name, at_ms in events.items()}
    return Trial(log.trim(), range(len(launches)), 0, 10 * MS)
