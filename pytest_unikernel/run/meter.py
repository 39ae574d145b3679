"""What a load cost: the generator's own CPU time, the error bounds of its stamps, the host meanwhile."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Sequence
from typing import Any

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.host import facts
from pytest_unikernel.host.samples import Sample, joined, summarize
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.summary import summarize as summarize_ns

Sight = tuple[int, Sample, resource.struct_rusage, int]  # the last is what has been swapped, in bytes


class Meter:
    """Looks at this process and at the host when it is made and when it is stopped.

    A load whose trials others come between has several spans: ``earlier`` has those before.
    """

    def __init__(self, sample: Callable[[], Sample], earlier: Meter | None = None) -> None:
        self._sample = sample
        self.spans: list[tuple[Sight, Sight]] = [] if earlier is None else [*earlier.spans]
        self._begin = self._look()

    def _look(self) -> Sight:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return monotonic_ns(), self._sample(), usage, facts.swapped_bytes()

    def stop(self) -> None:
        """Take the second look."""
        self.spans.append((self._begin, self._look()))

    @property
    def own_rss_kib(self) -> int:
        """The largest resident set of this process so far."""
        return self.spans[-1][1][2].ru_maxrss

    def host(self) -> dict[str, Any]:
        """Return the host's part of a record."""
        duration_ns = sum(end[0] - begin[0] for begin, end in self.spans)
        begin, end = joined([(begin[1], end[1]) for begin, end in self.spans])
        return {
            **summarize(begin, end, duration_ns / 1e9),
            "cpu_count": os.cpu_count(),
            "swapped_bytes": sum(end[3] - begin[3] for begin, end in self.spans),
            "governors": facts.governors(),
            "container_daemons": facts.container_daemons(),
        }

    def generator(self, logs: Sequence[LaunchLog], turns_ns: Sequence[int]) -> dict[str, float | bool | None]:
        """Return the generator's part of a record, ``realtime`` aside."""
        cpu_s = sum(_cpu_s(end[2]) - _cpu_s(begin[2]) for begin, end in self.spans)
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
        }


def _cpu_s(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def _spawns_ns(logs: Sequence[LaunchLog]) -> list[int]:
    never = (Outcome.DROPPED, Outcome.SPAWN_ERROR)
    return [ns for log in logs for ns, how in zip(log.spawn_ns, log.outcome, strict=True) if how not in never]
