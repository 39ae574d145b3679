"""Writes records in pytest-benchmark's file format. Pure except for the time of day."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from fractions import Fraction
from importlib import metadata
from typing import Any

from pytest_unikernel.clock import local_time
from pytest_unikernel.errors import ResultFileError
from pytest_unikernel.importers.handed_over import handed_over_by
from pytest_unikernel.importers.names import fullname
from pytest_unikernel.importers.pool import Pooled
from pytest_unikernel.importers.readings import Reading
from pytest_unikernel.importers.records import Stated, record
from pytest_unikernel.plan.step_names import step_id
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
    return {
        "machine_info": {},
        "commit_info": {},
        "benchmarks": benchmarks,
        "datetime": local_time("%Y-%m-%dT%H:%M:%S%z"),
        "version": metadata.version("pytest-benchmark"),
    }


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
    return {
        "group": None,
        "name": whole.rpartition("::")[2],
        "fullname": whole,
        "params": None if step is None else {"timestep": float(step)},
        "param": None if step is None else step_id(Fraction(step)),
        "extra_info": {"load": load},
        "options": {},
        "stats": figures,
    }


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
    values = sorted(each / 1e9 for each in launches.latencies_ns) if launches is not None else []
    values = values or [reading.latency_s or 0.0]
    q1, median, q3 = _quartiles(values)
    mean, stddev = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    beyond = sum(not mean - stddev <= value <= mean + stddev for value in values)
    fenced = [value for value in values if low <= value <= high]
    return {
        "min": values[0],
        "max": values[-1],
        "mean": mean,
        "stddev": stddev,
        "rounds": len(values),
        "median": median,
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": len(values) - len(fenced),
        "stddev_outliers": beyond,
        "outliers": f"{beyond};{len(values) - len(fenced)}",
        "ld15iqr": fenced[0],
        "hd15iqr": fenced[-1],
        "ops": 1 / mean if mean else 0.0,
        "total": sum(values),
        "iterations": 1,
    }


def _quartiles(ordered: Sequence[float]) -> tuple[float, float, float]:
    if len(ordered) == 1:
        return ordered[0], ordered[0], ordered[0]
    q1, median, q3 = statistics.quantiles(ordered, n=4, method="inclusive")
    return q1, median, q3
