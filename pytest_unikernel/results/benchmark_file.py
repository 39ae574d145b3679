"""pytest-benchmark's file format, written without pytest-benchmark. Pure except for the time of day."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib import metadata
from typing import Any

from pytest_unikernel.clock import local_time
from pytest_unikernel.plan.step_names import step_id

JsonDict = dict[str, Any]
NOTHING = "nothing completed (0 is no figure)"  # the group of loads whose figures are all 0


def document(benchmarks: Sequence[JsonDict], machine_info: Mapping[str, Any]) -> JsonDict:
    """Return a complete file."""
    return {
        "machine_info": dict(machine_info),
        "commit_info": {},
        "benchmarks": list(benchmarks),
        "datetime": local_time("%Y-%m-%dT%H:%M:%S%z"),
        "version": metadata.version("pytest-benchmark"),
    }


def benchmark(
    fullname: str, step: Fraction | float | None, load: Mapping[str, Any], figures: JsonDict
) -> JsonDict:
    """Return the entry of a load.

    Args:
        fullname: names the load in its file, and in comparisons.
        step: the time step; None for cold starts.
        load: its record.
        figures: see :func:`stats`.
    """
    return {
        "group": None,
        "name": fullname.rpartition("::")[2],
        "fullname": fullname,
        "params": None if step is None else {"timestep": float(step)},
        "param": None if step is None else step_id(Fraction(step)),
        "extra_info": {"load": load},
        "options": {},
        "stats": figures,
    }


def stats(samples_s: Sequence[float]) -> JsonDict:
    """Return pytest-benchmark's own figures of at least one sample, in seconds, without null.

    Source: pytest_benchmark.stats.Stats, whose quartiles, fences and outliers these are.
    """
    values = sorted(samples_s)
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
