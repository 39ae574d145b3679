"""The columns of raw data, whatever the format of the table. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.trial import Trial

COLUMNS = (
    "target",
    "time_step_s",  # empty: a cold start
    "trial",  # from 1
    "launch",  # number in the trial, from 0; the row of the schedule
    "instance",  # its UNIKERNEL_ID, also in the name of its file of --sweep-output; empty: never started
    "in_window",  # 1: scheduled in the window, that is, of the cohort
    "outcome",  # completed, dropped, unfinished or the reason of the failure
    "status",  # exit status; negative: signal; errno for spawn-error
    "scheduled_at_ns",  # CLOCK_MONOTONIC, as all _at_ns; empty: it never came
    "started_at_ns",
    "ready_at_ns",
    "exited_at_ns",
    "unix_offset_ns",  # added to an _at_ns it gives the wall clock
    "spawn_ns",  # how long posix_spawn took
    "user_s",  # empty, as the next two, where the instance is no child of ours
    "system_s",
    "max_rss_kib",  # empty also where it may be the generator's own
)
REASONS = tuple(Outcome(number).reason for number in range(len(Outcome)))
GUEST = "guest:"  # before an event that has the time of the guest's own clock


class Raw(NamedTuple):
    """The data of a table.

    Attributes:
        target: the target's name.
        trials: the trials, in their order.
        prefix: the begin of the instances' ids.
        events: the events that any launch has.
        generator_kib: the largest resident set of the process that started the instances.
    """

    target: str
    trials: Sequence[Trial]
    prefix: str
    events: Sequence[str]
    generator_kib: int | None


def event_columns(events: Iterable[str]) -> list[str]:
    """Return a column per event: ``event_create_at_ns``; ``guest_marker_ns`` is by the guest's own clock."""
    made: list[str] = []
    for event in events:
        own = event.startswith(GUEST)
        word = re.sub(r"\W", "_", event.removeprefix(GUEST), flags=re.ASCII)
        column = f"guest_{word}_ns" if own else f"event_{word}_at_ns"
        made.append(column if column not in made else f"{column}_{len(made)}")
    return made
