"""What a load cost: the generator's own CPU time, the error bounds of its stamps, the host meanwhile."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Sequence
from typing import Any

from pytest_unikernel import host
from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.record import LaunchLog, Outcome
from pytest_unikernel.samples import Sample, summarize
from pytest_unikernel.summary import summarize as summarize_ns


class Meter:
    """Looks at this process and at the host when it is made and when it is stopped."""

    def __init__(self, sample: Callable[[], Sample]) -> None:
        self._sample = sample
        self._swapped_bytes = host.swapped_bytes()
        self._begin = self._end = self._look()

    def _look(self) -> tuple[int, Sample, resource.struct_rusage]:
        return monotonic_ns(), self._sample(), resource.getrusage(resource.RUSAGE_SELF)

    def stop(self) -> None:
        """Take the second look."""
        self._end = self._look()
        self._swapped_bytes = host.swapped_bytes() - self._swapped_bytes

    @property
    def own_rss_kib(self) -> int:
        """The largest resident set of this process so far."""
        return self._end[2].ru_maxrss

    def host(self) -> dict[str, Any]:
        """Return the host's part of a record."""
        (begin_ns, begin, _), (end_ns, end, _) = self._begin, self._end
        return {
            **summarize(begin, end, (end_ns - begin_ns) / 1e9),
            "cpu_count": os.cpu_count(),
            "swapped_bytes": self._swapped_bytes,
            "governors": host.governors(),
            "container_daemons": host.container_daemons(),
        }

    def generator(self, logs: Sequence[LaunchLog], turns_ns: Sequence[int]) -> dict[str, float | bool | None]:
        """Return the generator's part of a record, ``realtime`` aside."""
        begin, end = self._begin[2], self._end[2]
        cpu_s = end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime
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


def _spawns_ns(logs: Sequence[LaunchLog]) -> list[int]:
    never = (Outcome.DROPPED, Outcome.SPAWN_ERROR)
    return [ns for log in logs for ns, how in zip(log.spawn_ns, log.outcome, strict=True) if how not in never]
