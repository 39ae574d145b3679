"""The monitor's samples of the host, and the figures of a load between two samples."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.clock import monotonic_ns, seconds
from pytest_unikernel.host import cgroups


class Sample(NamedTuple):
    """The host's counters at one instant, with extremes since the load began. NaN is unknown."""

    number: float = 0
    cpu_total_s: float = 0
    cpu_idle_s: float = 0
    cpu_steal_s: float = 0
    memory_available_bytes: float = math.inf
    memory_available_min_bytes: float = math.inf
    load1_max: float = 0
    processes_max: float = 0
    psi_cpu_some_s: float = math.nan
    psi_memory_some_s: float = math.nan
    psi_io_some_s: float = math.nan
    at_s: float = 0  # CLOCK_MONOTONIC
    runnable: float = math.nan  # tasks that run or wait for a CPU, those of other containers included


SAMPLE_CELLS = len(Sample._fields)
SUMMED = (
    "cpu_total_s",
    "cpu_idle_s",
    "cpu_steal_s",
    "psi_cpu_some_s",
    "psi_memory_some_s",
    "psi_io_some_s",
)


def joined(spans: Sequence[tuple[Sample, Sample]]) -> tuple[Sample, Sample]:
    """Return two samples between which as much has happened as in all the spans."""
    sums = {name: sum(getattr(end, name) - getattr(begin, name) for begin, end in spans) for name in SUMMED}
    ends = [end for _, end in spans]
    available = spans[0][0].memory_available_bytes
    return Sample(**dict.fromkeys(SUMMED, 0.0), memory_available_bytes=available), ends[-1]._replace(
        **sums,
        memory_available_min_bytes=min(end.memory_available_min_bytes for end in ends),
        load1_max=max(end.load1_max for end in ends),
        processes_max=max(end.processes_max for end in ends),
    )


def known(value: float, digits: int = 6) -> float | None:
    """Return the value rounded, or None when it is unknown."""
    return round(value, digits) if math.isfinite(value) else None


def percent(part: float, whole: float) -> float | None:
    """Return the share in per cent, or None when there was nothing to share."""
    return known(100 * part / whole, 2) if whole > 0 else None


def summarize(begin: Sample, end: Sample, duration_s: float) -> dict[str, float | None]:
    """Return the host's part of a record: between two samples, extremes since the load began.

    ``psi_*`` are the share of the time, in per cent, in which some task waited for the resource.
    """
    total_s = end.cpu_total_s - begin.cpu_total_s
    busy_s = total_s - (end.cpu_idle_s - begin.cpu_idle_s)
    return {
        "cpu_percent": percent(busy_s, total_s),
        "steal_percent": percent(end.cpu_steal_s - begin.cpu_steal_s, total_s),
        "memory_available_begin_bytes": known(begin.memory_available_bytes, 0),
        "memory_available_min_bytes": known(end.memory_available_min_bytes, 0),
        "load1_max": known(end.load1_max, 2) if end.number else None,
        "processes_max": known(end.processes_max, 0) if end.number else None,
        "psi_cpu": percent(end.psi_cpu_some_s - begin.psi_cpu_some_s, duration_s),
        "psi_memory": percent(end.psi_memory_some_s - begin.psi_memory_some_s, duration_s),
        "psi_io": percent(end.psi_io_some_s - begin.psi_io_some_s, duration_s),
    }


def take_sample(last: Sample) -> Sample:
    """Return the host's counters now, with the extremes since the load began."""
    import psutil  # noqa: PLC0415 - slow to import, and only the monitor comes here

    cpu = psutil.cpu_times()
    total_s = sum(cpu) - getattr(cpu, "guest", 0.0) - getattr(cpu, "guest_nice", 0.0)
    available = cgroups.available_bytes()
    processes = sum(name.isdigit() for name in os.listdir("/proc"))  # noqa: PTH208 - no Path for each
    return Sample(
        number=last.number + 1,
        cpu_total_s=total_s,
        cpu_idle_s=cpu.idle + getattr(cpu, "iowait", 0.0),
        cpu_steal_s=getattr(cpu, "steal", 0.0),
        memory_available_bytes=available,
        memory_available_min_bytes=min(available, last.memory_available_min_bytes),
        load1_max=max(psutil.getloadavg()[0], last.load1_max),
        processes_max=max(processes, last.processes_max),
        psi_cpu_some_s=pressure_s("cpu"),
        psi_memory_some_s=pressure_s("memory"),
        psi_io_some_s=pressure_s("io"),
        at_s=seconds(monotonic_ns()),
        runnable=runnable_tasks(),
    )


def runnable_tasks() -> float:
    """Return how many tasks run or wait for a CPU now; NaN where unknown.

    Source: proc_loadavg(5), the fourth field.
    """
    try:
        return float(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return float("nan")


def pressure_s(resource: str) -> float:
    """Return the total time some task waited for the resource; NaN where the kernel has no PSI.

    Source: Documentation/accounting/psi.rst; ``total`` is in microseconds.
    """
    try:
        some = Path(f"/proc/pressure/{resource}").read_text(encoding="ascii").splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError, IndexError):
        return float("nan")
