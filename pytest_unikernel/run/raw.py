"""``--sweep-raw``: a table per load, a row per launch, compressed; pandas and DuckDB read it as it is."""

from __future__ import annotations

import gzip
import io
import os
import re
import secrets
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path

from pytest_unikernel.host.wall_clock import read_clock_pair
from pytest_unikernel.launch.process.instances import id_prefix
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog, own_rss_kib
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
# A chunk's text is some 2 MB; level 1 is four times as quick as the default and a fifth larger.
CHUNK_ROWS, LEVEL = 8192, 1
NAME_BYTES = 160  # of the 255 that a file's name may have
GUEST = "guest:"  # before an event that has the time of the guest's own clock


def write_raw(
    directory: Path,
    target: Target,
    trials: Sequence[Trial],
    session: str,
    generator_kib: int | None = None,
) -> Path:
    """Write a load's launches into a new file of the directory and return its path.

    Readers see the whole file or none. Memory is bounded: rows are made a chunk at a time.

    Args:
        directory: where the file goes.
        target: the target of the load.
        trials: its trials, in their order.
        session: the session's token.
        generator_kib: the largest resident set of the process that started the instances.
    """
    step = _step_text(trials[0]) if trials else ""
    name = _file_name(target.full_name)
    events = sorted({event for trial in trials for named in trial.log.events.values() for event in named})
    beside = directory / f".{name}.{secrets.token_hex(8)}"
    try:
        with gzip.open(beside, "xb", compresslevel=LEVEL) as packed, io.BufferedWriter(packed) as out:
            out.write(f"{','.join((*COLUMNS, *_event_columns(events)))}\n".encode("ascii"))
            for number, trial in enumerate(trials, 1):
                head = f"{_quoted(target.full_name)},{step},{number},"
                for text in _chunks(trial, head, id_prefix(session), events, generator_kib):
                    out.write(text.encode(errors="backslashreplace"))
        return _published(beside, directory, f"{name}-{f'{step}s' if step else 'cold'}")
    finally:
        beside.unlink(missing_ok=True)


def _file_name(name: str) -> str:
    """Return a name without characters that shells and DuckDB take for a pattern: ``rust_kernel-kvm``.

    It is cut to leave room for the step and a unique part; the table has the target's whole name.
    """
    plain = name.removesuffix("]").translate(str.maketrans("[,", "--"))
    safe = "".join(each if each.isalnum() or each in "-_." else "_" for each in plain)
    return safe.encode(errors="replace")[:NAME_BYTES].decode(errors="ignore")


def _published(file: Path, directory: Path, stem: str) -> Path:
    """Give the file a name that is free, at once: results are never overwritten."""
    again = 1
    while True:
        path = directory / f"{stem}{f'-run{again}' if again > 1 else ''}.csv.gz"
        try:
            os.link(file, path)
        except FileExistsError:
            again += 1
        except OSError:  # a file system without links; two sessions at once measure each other anyway
            if not path.exists():
                return file.rename(path)
            again += 1
        else:
            return path


def _step_text(trial: Trial) -> str:
    """Return the time step in seconds, never with an exponent; empty for a cold start."""
    return "" if trial.step_ns is None else f"{trial.step_ns / 1e9:.10f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if re.search(r'[,"\r\n]', text) else text


def _event_columns(events: Iterable[str]) -> list[str]:
    """Return a column per event: ``event_create_at_ns``; ``guest_marker_ns`` is by the guest's own clock."""
    made: list[str] = []
    for event in events:
        own = event.startswith(GUEST)
        word = re.sub(r"\W", "_", event.removeprefix(GUEST), flags=re.ASCII)
        column = f"guest_{word}_ns" if own else f"event_{word}_at_ns"
        made.append(column if column not in made else f"{column}_{len(made)}")
    return made


def _chunks(
    trial: Trial, head: str, prefix: str, events: Sequence[str], generator_kib: int | None
) -> Iterator[str]:
    """Yield the trial's rows as text."""
    log, offset_ns = trial.log, read_clock_pair().offset_ns
    for begin in range(0, len(log), CHUNK_ROWS):
        rows = range(begin, min(begin + CHUNK_ROWS, len(log)))
        columns = [*_columns(log, rows, trial.rows, prefix, offset_ns), *_usage(log, rows, generator_kib)]
        columns += [_event(log, rows, event) for event in events]
        lines = map(",".join, zip(*columns, strict=True))
        yield "".join(f"{head}{line}\n" for line in lines)


def _columns(log: LaunchLog, rows: range, window: range, prefix: str, offset_ns: int) -> list[Iterable[str]]:
    """Return the columns ``launch`` to ``spawn_ns`` of some rows, as text: a column at a time costs least."""

    def part(column: array[int]) -> array[int]:
        return column[rows.start : rows.stop]

    instants = (log.scheduled_ns, log.started_ns, log.ready_ns, log.exited_ns)
    return [
        map(str, rows),
        [f"{prefix}{number}" if number else "" for number in part(log.instance)],
        ["1" if row in window else "0" for row in rows],
        map(REASONS.__getitem__, part(log.outcome)),
        map(str, part(log.status)),
        *(["" if at_ns < 0 else str(at_ns) for at_ns in part(column)] for column in instants),
        repeat(str(offset_ns), len(rows)),
        map(str, part(log.spawn_ns)),
    ]


def _usage(log: LaunchLog, rows: range, generator_kib: int | None) -> list[Iterable[str]]:
    if not log.usage_known:
        return [repeat("", len(rows)) for _ in range(3)]  # one each: they must not share an iterator
    times = (log.user_s, log.system_s)
    shown: list[Iterable[str]] = [map("{:.6f}".format, each[rows.start : rows.stop]) for each in times]
    sizes_kib = (own_rss_kib(each, generator_kib) for each in log.max_rss_kib[rows.start : rows.stop])
    return [*shown, ("" if each is None else str(each) for each in sizes_kib)]


def _event(log: LaunchLog, rows: range, event: str) -> list[str]:
    """Return when an event was; empty where it never came."""
    return [str(log.events[row][event]) if event in log.events.get(row, ()) else "" for row in rows]
