"""Writes records in pytest-benchmark's file format. Pure except for the time of day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pytest_unikernel.errors import ResultFileError
from pytest_unikernel.importers.handed_over import handed_over_by
from pytest_unikernel.importers.names import fullname
from pytest_unikernel.importers.pool import Pooled
from pytest_unikernel.importers.readings import Reading
from pytest_unikernel.importers.records import Stated, record
from pytest_unikernel.results import benchmark_file
from pytest_unikernel.results.record.check import Fault, checked

JsonDict = dict[str, Any]


def document(pooled: Sequence[Pooled], stated: Stated, template: str | None) -> JsonDict:
    """Return a complete pytest-benchmark file.

    Raises:
        ResultFileError: two records belong to the same test, or a record is invalid because its format
            returned something else than figures.
    """
    benchmarks = [_benchmark(each, stated, template) for each in pooled]
    _refuse_twins(benchmarks)
    return benchmark_file.document(benchmarks, {})


def _refuse_twins(benchmarks: Iterable[JsonDict]) -> None:
    known: dict[str, str] = {}
    for each in benchmarks:
        target, name = each["extra_info"]["load"]["target"], each["fullname"]
        if name in known:
            raise ResultFileError(
                f"--fullname: expected a different name for each record, got {name!r} for {known[name]} and "
                f"for {target}; use {{target}} and [{{timestep}}]"
            )
        known[name] = target


def _benchmark(pooled: Pooled, stated: Stated, template: str | None) -> JsonDict:
    load = _load(pooled, stated)
    with handed_over_by(pooled.formats):
        figures = stats(pooled.reading)
    step = pooled.reading.time_step
    whole = fullname(pooled.subject, step, template)
    return benchmark_file.benchmark(whole, step, load, figures)


def _load(pooled: Pooled, stated: Stated) -> JsonDict:
    with handed_over_by(pooled.formats):
        load = record(pooled, stated)
    found = checked(load)
    if isinstance(found, Fault):
        files, formats = ", ".join(map(str, pooled.reading.files)), ", ".join(pooled.formats)
        raise ResultFileError(f"{files}: expected figures from the import format {formats}, but {found}")
    return load


def stats(reading: Reading) -> JsonDict:
    """Return pytest-benchmark's own figures, in seconds, without null, which it does not support.

    If only the mean is known, all figures equal it and the deviation is 0. If no latency is known, all are 0,
    which no launch can reach.
    """
    launches = reading.launches
    values = [each / 1e9 for each in launches.latencies_ns] if launches is not None else []
    return benchmark_file.stats(values or [reading.latency_s or 0.0])
