"""The cost of a load: the generator's own CPU time, the error bounds of its stamps, the host meanwhile."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.host import facts
from pytest_unikernel.host.samples import Sample, joined, summarize
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.summary import summarize as summarize_ns
from pytest_unikernel.results.verdict import Steal

RESOLVED = 0.99  # the share of launches that the resolution holds for


class Snapshot(NamedTuple):
    """This process and the host at one instant of CLOCK_MONOTONIC."""

    at_ns: int
    sample: Sample
    usage: resource.struct_rusage
    swapped_bytes: int


class Span(NamedTuple):
    """The snapshots before and after trials that ran in one go."""

    begin: Snapshot
    end: Snapshot


def snapshot(sample: Callable[[], Sample]) -> Snapshot:
    """Return a snapshot of this process and of the host, taken now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Snapshot(monotonic_ns(), sample(), usage, facts.swapped_bytes())


def own_rss_kib(spans: Sequence[Span]) -> int:
    """Return the largest resident set of this process by the end of the spans."""
    return spans[-1].end.usage.ru_maxrss


def host_json(spans: Sequence[Span]) -> dict[str, Any]:
    """Return the host's part of a record."""
    duration_ns = sum(end.at_ns - begin.at_ns for begin, end in spans)
    begin, end = joined([(begin.sample, end.sample) for begin, end in spans])
    return {
        **summarize(begin, end, duration_ns / 1e9),
        "cpu_count": os.cpu_count(),
        "swapped_bytes": sum(end.swapped_bytes - begin.swapped_bytes for begin, end in spans),
        "governors": facts.governors(),
        "container_daemons": facts.container_daemons(),
    }


def steal(spans: Sequence[Span]) -> Steal:
    """Return the CPU time that the hypervisor gave to others.

    Source: proc_stat(5), ``steal``.
    """
    begin, end = joined([(begin.sample, end.sample) for begin, end in spans])
    stolen_s, total_s = end.cpu_steal_s - begin.cpu_steal_s, end.cpu_total_s - begin.cpu_total_s
    return Steal(stolen_s, 100 * stolen_s / total_s if total_s > 0 else 0.0)


def generator_json(
    spans: Sequence[Span], logs: Sequence[LaunchLog], turns_ns: Sequence[int]
) -> dict[str, float | bool | None]:
    """Return the generator's part of a record, without ``realtime``.

    Args:
        spans: the snapshots before and after the trials.
        logs: the launches of all trials.
        turns_ns: durations of the turns of the event loop.
    """
    cpu_s = sum(_cpu_s(end.usage) - _cpu_s(begin.usage) for begin, end in spans)
    launches = sum(map(len, logs))
    spawn, turn = summarize_ns(_spawns_ns(logs)), summarize_ns(turns_ns)
    return {
        "cpu_s_per_launch": cpu_s / launches if launches else None,
        "spawn_s": spawn.p50,
        "spawn_p99_s": spawn.p99,
        "spawn_max_s": spawn.max,
        "loop_turn_s": turn.p50,
        "loop_turn_p99_s": turn.p99,
        "loop_turn_max_s": turn.max,
        "ready_resolution_s": _ready_resolution_s(logs),
    }


def _ready_resolution_s(logs: Sequence[LaunchLog]) -> float | None:
    """Return for how long completed launches may have been ready before that was seen; None: nobody asked.

    99 % of them for no longer, or all where they are few: one stall of the host isn't the resolution.
    """
    gaps_ns = sorted(
        gap_ns
        for log in logs
        for row, gap_ns in log.unseen_ns.items()
        if log.outcome[row] == Outcome.COMPLETED
    )
    return gaps_ns[math.ceil(RESOLVED * len(gaps_ns)) - 1] / 1e9 if gaps_ns else None


def _cpu_s(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def _spawns_ns(logs: Sequence[LaunchLog]) -> list[int]:
    never = (Outcome.DROPPED, Outcome.SPAWN_ERROR)
    return [ns for log in logs for ns, how in zip(log.spawn_ns, log.outcome, strict=True) if how not in never]
