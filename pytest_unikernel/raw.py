"""``--sweep-raw``: one row per launch, in a compressed table that pandas and DuckDB read as it is."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from pytest_unikernel.instances import id_prefix
from pytest_unikernel.record import LaunchLog, Outcome
from pytest_unikernel.stats import Trial
from pytest_unikernel.target import Target

COLUMNS = (
    "launch",  # number in the trial, from 0; the row of the schedule
    "instance",  # its UNIKERNEL_ID, also in the name of its file of --sweep-output; empty: never started
    "in_window",  # 1: scheduled in the window, that is, of the cohort
    "outcome",  # completed, dropped, unfinished or the reason of the failure
    "status",  # exit status; negative: signal; errno for spawn-error
    "scheduled_at_ns",  # CLOCK_MONOTONIC; empty: it never came
    "started_at_ns",
    "ready_at_ns",
    "exited_at_ns",
    "spawn_ns",  # how long posix_spawn took
    "user_s",  # empty, as the next two: what was launched is no child of ours
    "system_s",
    "max_rss_kib",
)


def write_raw(directory: Path, target: Target, trial: Trial, number: int, session: str) -> Path:
    """Write a trial's launches into a new file of the directory and return its path."""
    prefix = id_prefix(session)
    step = "cold" if trial.step_ns is None else f"{trial.step_ns / 1e9:.10f}".rstrip("0").rstrip(".") + "s"
    name = "".join(each if each.isalnum() or each in "-_.[]" else "_" for each in target.full_name)
    path = _unused(directory, f"{name}-{step}-trial{number}")
    with gzip.open(path, "xt", compresslevel=1, encoding="ascii", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerows(_row(trial, index, prefix) for index in range(len(trial.log)))
    return path


def _unused(directory: Path, stem: str) -> Path:
    """Return a path that doesn't exist: results are never overwritten."""
    path, again = directory / f"{stem}.csv.gz", 1
    while path.exists():
        again += 1
        path = directory / f"{stem}-run{again}.csv.gz"
    return path


def _row(trial: Trial, index: int, prefix: str) -> list[object]:
    log = trial.log
    instants = (log.scheduled_ns, log.started_ns, log.ready_ns, log.exited_ns)
    return [
        index,
        f"{prefix}{log.instance[index]}" if log.instance[index] else "",
        int(index in trial.rows),
        Outcome(log.outcome[index]).reason,
        log.status[index],
        *("" if column[index] < 0 else column[index] for column in instants),
        log.spawn_ns[index],
        *(_usage(log, index) if log.usage_known else ("", "", "")),
    ]


def _usage(log: LaunchLog, index: int) -> tuple[object, ...]:
    return f"{log.user_s[index]:.6f}", f"{log.system_s[index]:.6f}", log.max_rss_kib[index]
