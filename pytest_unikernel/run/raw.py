"""``--sweep-raw``: a table per load, a row per launch; pandas and DuckDB read it as it is.

It is compressed CSV, or Parquet: ``raw_parquet.py`` makes that of the same columns.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import secrets
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path

from pytest_unikernel.host.wall_clock import read_clock_pair
from pytest_unikernel.launch.process.instances import id_prefix
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog, own_rss_kib
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run.raw_columns import COLUMNS, REASONS, Raw, event_columns

# A chunk's text is some 2 MB; level 1 is four times as quick as the default and a fifth larger.
CHUNK_ROWS, LEVEL = 8192, 1
NAME_BYTES = 160  # of the 255 that a file's name may have


def write_raw(
    directory: Path,
    target: Target,
    trials: Sequence[Trial],
    session: str,
    generator_kib: int | None = None,
    *,
    kind: str | None = None,
) -> Path:
    """Write a load's launches into a new file of the directory and return its path.

    Readers see the whole file or none. Memory is bounded: rows are made a chunk at a time.

    Args:
        directory: where the file goes.
        target: the target of the load.
        trials: its trials, in their order.
        session: the session's token.
        generator_kib: the largest resident set of the process that started the instances.
        kind: one of ``RAW_FORMATS``; None is CSV.

    Raises:
        OSError: it can't be written.
    """
    step = _step_text(trials[0]) if trials else ""
    name = _file_name(target.full_name)
    events = sorted({event for trial in trials for named in trial.log.events.values() for event in named})
    beside = directory / f".{name}.{secrets.token_hex(8)}"
    raw = Raw(target.full_name, trials, id_prefix(session), events, generator_kib)
    write, suffix = _writer(kind)
    try:
        write(raw, beside)
        return _published(beside, directory, f"{name}-{f'{step}s' if step else 'cold'}", suffix)
    finally:
        beside.unlink(missing_ok=True)


def _writer(kind: str | None) -> tuple[Callable[[Raw, Path], None], str]:
    """Return what writes a table of a format, and the end of its file's name."""
    if kind != "parquet":
        return _write_csv, ".csv.gz"
    from pytest_unikernel.run.raw_parquet import write_parquet  # noqa: PLC0415 - where it is asked for

    return write_parquet, ".parquet"


def _write_csv(raw: Raw, path: Path) -> None:
    with gzip.open(path, "xb", compresslevel=LEVEL) as packed, io.BufferedWriter(packed) as out:
        out.write(f"{','.join((*COLUMNS, *event_columns(raw.events)))}\n".encode("ascii"))
        for number, trial in enumerate(raw.trials, 1):
            head = f"{_quoted(raw.target)},{_step_text(trial)},{number},"
            for text in _chunks(trial, head, raw.prefix, raw.events, raw.generator_kib):
                out.write(text.encode(errors="backslashreplace"))


def _file_name(name: str) -> str:
    """Return a name without characters that shells and DuckDB take for a pattern: ``rust_kernel-kvm``.

    It is cut to leave room for the step and a unique part; the table has the target's whole name.
    """
    plain = name.removesuffix("]").translate(str.maketrans("[,", "--"))
    safe = "".join(each if each.isalnum() or each in "-_." else "_" for each in plain)
    return safe.encode(errors="replace")[:NAME_BYTES].decode(errors="ignore")


def _published(file: Path, directory: Path, stem: str, suffix: str) -> Path:
    """Give the file a name that is free, at once: results are never overwritten."""
    again = 1
    while True:
        path = directory / f"{stem}{f'-run{again}' if again > 1 else ''}{suffix}"
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
