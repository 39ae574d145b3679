"""Raw data as Parquet: the columns of the CSV table, each with its type; what is unknown is null."""

from __future__ import annotations

import importlib.util
from array import array
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_unikernel.errors import LoadError
from pytest_unikernel.host.wall_clock import read_clock_pair
from pytest_unikernel.results.launches import LaunchLog, own_rss_kib
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run.raw_columns import COLUMNS, REASONS, Raw, event_columns

if TYPE_CHECKING:
    import pyarrow as pa

LIBRARY = "pyarrow"
GROUP_ROWS = 1 << 16  # of a row group: some 4 MB in memory
WORDS = frozenset({"target", "instance", "outcome"})
FLOATS = frozenset({"time_step_s", "user_s", "system_s"})
LEVEL = 3  # of zstd: its default, smaller than gzip's and quicker


def check_library() -> None:
    """Refuse a format that can't be written, before the first load.

    Raises:
        LoadError: pyarrow is not installed.
    """
    if importlib.util.find_spec(LIBRARY) is None:
        raise LoadError(
            "--sweep-raw-format=parquet: pyarrow is not installed; pip install 'pytest-unikernel[parquet]', "
            "or take --sweep-raw-format=csv"
        )


def write_parquet(raw: Raw, path: Path) -> None:
    """Write a table; memory is bounded, for rows are written a group at a time."""
    from pyarrow import parquet  # noqa: PLC0415 - slow to import, and where it is asked for only

    schema = _schema(event_columns(raw.events))
    with parquet.ParquetWriter(path, schema, compression="zstd", compression_level=LEVEL) as out:
        for number, trial in enumerate(raw.trials, 1):
            for rows in _groups(len(trial.log)):
                out.write_table(_table(raw, number, trial, rows, schema))


def _groups(count: int) -> Iterator[range]:
    bounds = [*range(0, count, GROUP_ROWS), count]
    return (range(begin, end) for begin, end in pairwise(bounds) if begin < end)


def _schema(events: list[str]) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415 - as above

    words = pa.dictionary(pa.int32(), pa.string())
    types = {"instance": pa.string(), "in_window": pa.bool_()}
    types |= dict.fromkeys(WORDS - {"instance"}, words) | dict.fromkeys(FLOATS, pa.float64())
    return pa.schema([(name, types.get(name, pa.int64())) for name in (*COLUMNS, *events)])


def _table(raw: Raw, number: int, trial: Trial, rows: range, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - as above

    about = (raw.target, None if trial.step_ns is None else trial.step_ns / 1e9, number)
    columns = [*([each] * len(rows) for each in about), *_columns(raw, trial, rows)]
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _columns(raw: Raw, trial: Trial, rows: range) -> Iterator[list[Any]]:
    """Yield the columns from ``launch`` on, in the order of ``COLUMNS``, and those of the events."""
    log, offset_ns = trial.log, read_clock_pair().offset_ns
    yield list(rows)
    yield [f"{raw.prefix}{number}" if number else None for number in _part(log.instance, rows)]
    yield [row in trial.rows for row in rows]
    yield [REASONS[outcome] for outcome in _part(log.outcome, rows)]
    yield list(_part(log.status, rows))
    for instants in (log.scheduled_ns, log.started_ns, log.ready_ns, log.exited_ns):
        yield [None if at_ns < 0 else at_ns for at_ns in _part(instants, rows)]
    yield [offset_ns] * len(rows)
    yield list(_part(log.spawn_ns, rows))
    yield from _usage(log, rows, raw.generator_kib)
    for event in raw.events:
        yield [log.events.get(row, {}).get(event) for row in rows]


def _usage(log: LaunchLog, rows: range, generator_kib: int | None) -> Iterator[list[Any]]:
    if not log.usage_known:
        yield from ([None] * len(rows) for _ in range(3))
        return
    yield list(_part(log.user_s, rows))
    yield list(_part(log.system_s, rows))
    yield [own_rss_kib(each, generator_kib) for each in _part(log.max_rss_kib, rows)]


def _part(column: array[Any], rows: range) -> array[Any]:
    return column[rows.start : rows.stop]
