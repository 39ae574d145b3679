"""Between loads: wait until the host is as idle as it was before the first one, within a bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pytest_unikernel.clock import monotonic_ns, nanoseconds, sleep_s
from pytest_unikernel.errors import LoadError
from pytest_unikernel.samples import Sample

QuietHost = Literal["warn", "fail", "off"]
TOLERANCE = 0.10  # of all CPU time, above the baseline
QUIET_SHARE = 0.25  # of all CPU time: what is above it disturbs a load
LOOK_EVERY_S = 0.02


class Quiescence:
    """Remembers how busy the host was before the first load.

    Attributes:
        disturbed: how busy the host still was, in per cent, before each load that had to begin anyway.
    """

    def __init__(self, sample: Callable[[], Sample]) -> None:
        self._sample = sample
        self._baseline: float | None = None
        self.disturbed: list[float] = []

    def wait(
        self, quiet_host: QuietHost, bound_s: float, stopped: Callable[[], bool] = lambda: False
    ) -> float | None:
        """Block until the host is quiet or the bound has passed; return how busy it is then, in per cent.

        The first call takes the baseline. Busy is the share of CPU time that was not idle between two of
        the monitor's samples.

        Raises:
            LoadError: the host is busy and ``quiet_host`` is ``fail``.
        """
        if quiet_host == "off":
            return None
        busy = self._settle(nanoseconds(bound_s), stopped)
        if busy > QUIET_SHARE and not stopped():
            self.disturbed.append(100 * busy)
            if quiet_host == "fail":
                raise LoadError(
                    f"--sweep-quiet-host=fail: the host is {100 * busy:.0f} % busy before the load, "
                    f"more than {100 * QUIET_SHARE:.0f} %; end what else runs on it, or take "
                    "--sweep-quiet-host=warn"
                )
        return round(100 * busy, 1)

    def _settle(self, bound_ns: int, stopped: Callable[[], bool]) -> float:
        """Return how busy the host was at the last look; the first call's last look is the baseline."""
        end_ns = monotonic_ns() + bound_ns
        busy = self._busy(end_ns, stopped)
        if self._baseline is None:
            self._baseline = busy
        while busy > self._baseline + TOLERANCE and monotonic_ns() < end_ns and not stopped():
            busy = self._busy(end_ns, stopped)
        return busy

    def _busy(self, end_ns: int, stopped: Callable[[], bool]) -> float:
        first = self._next(self._sample(), end_ns, stopped)
        second = self._next(first, end_ns, stopped)
        total_s = second.cpu_total_s - first.cpu_total_s
        return 1 - (second.cpu_idle_s - first.cpu_idle_s) / total_s if total_s > 0 else 0.0

    def _next(self, last: Sample, end_ns: int, stopped: Callable[[], bool]) -> Sample:
        while (sample := self._sample()).number == last.number and monotonic_ns() < end_ns and not stopped():
            sleep_s(LOOK_EVERY_S)
        return sample
