"""The launches of a load as rows: seconds from the begin of their trial's window. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import NONE_NS, LaunchLog
from pytest_unikernel.results.trial import Trial

COLUMNS = (
    "target",
    "time_step_s",
    "trial",
    "launch",
    "in_window",
    "reason",
    "status",
    "scheduled_s",
    "started_s",
    "ready_s",
    "ended_s",
    "lateness_s",
    "service_time_s",
    "response_time_s",
)


def launch_rows(target: str, time_step_s: float | None, trials: Sequence[Trial]) -> Iterator[dict[str, Any]]:
    """Yield a row per launch, those outside of the window too.

    Args:
        target: the variant's name.
        time_step_s: the time step; None for cold starts, which have no schedule.
        trials: the trials, in their order; they are counted from 1.
    """
    for number, trial in enumerate(trials, 1):
        for launch in range(len(trial.log)):
            about = {"target": target, "time_step_s": time_step_s, "trial": number, "launch": launch}
            yield {**about, "in_window": launch in trial.rows, **_row(trial, launch)}


def _row(trial: Trial, launch: int) -> dict[str, Any]:
    log = trial.log
    scheduled, started, ready, ended = (_at_s(trial, at_ns) for at_ns in _instants(log, launch))
    return {
        "reason": Outcome(log.outcome[launch]).reason,
        "status": log.status[launch],
        "scheduled_s": scheduled,
        "started_s": started,
        "ready_s": ready,
        "ended_s": ended,
        "lateness_s": None if trial.step_ns is None else _between_s(log, launch, "started", "scheduled"),
        "service_time_s": _between_s(log, launch, "ready", "started"),
        "response_time_s": _between_s(log, launch, "ready", "scheduled"),
    }


def _instants(log: LaunchLog, launch: int) -> tuple[int, ...]:
    columns = (log.scheduled_ns, log.started_ns, log.ready_ns, log.exited_ns)
    return tuple(column[launch] for column in columns)


def _at_s(trial: Trial, at_ns: int) -> float | None:
    return None if at_ns == NONE_NS else (at_ns - trial.begin_ns) / NS_PER_S


def _between_s(log: LaunchLog, launch: int, later: str, earlier: str) -> float | None:
    end_ns, begin_ns = (getattr(log, f"{name}_ns")[launch] for name in (later, earlier))
    return None if NONE_NS in (end_ns, begin_ns) else (end_ns - begin_ns) / NS_PER_S
