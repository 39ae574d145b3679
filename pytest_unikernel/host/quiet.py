"""Waits between loads until the host is as idle as before the first load, within a time limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from pytest_unikernel.clock import monotonic_ns, nanoseconds, sleep_s
from pytest_unikernel.errors import LoadError
from pytest_unikernel.host.samples import Sample

TOLERANCE = 0.10  # of all CPU time, or of the time for pressure, above the baseline
RUNNABLE_TOLERANCE = 2  # tasks that run or wait for a CPU, above the baseline
QUIET_SHARE = 0.25  # of all CPU time: a larger share disturbs a load
LOOK_EVERY_S = 0.005
LEAST_S = 0.05  # between the two samples of a look: CPU time is counted in ticks of 10 ms


class Unrest(Enum):
    """A kind of activity that can exceed the baseline; the comments give the unit of its figures."""

    CPU = auto()  # CPU time that was not idle, in per cent
    PRESSURE_CPU = auto()  # time in which some task waited for a CPU, in per cent
    PRESSURE_MEMORY = auto()
    PRESSURE_IO = auto()
    RUNNABLE = auto()  # tasks that run or wait for a CPU
    LEFTOVERS = auto()  # processes of ours; there are none before the first load


class Excess(NamedTuple):
    """An activity above the baseline: the figure of the last look, and the baseline's; both rounded."""

    kind: Unrest
    now: int
    before: int = 0


class Quiet(NamedTuple):
    """The result of a wait.

    Attributes:
        waited_s: the duration of the wait, looks included.
        bound_s: the time limit of the wait.
        bound_hit: the load began although the host was not quiet.
        unrest: the activities above the baseline at that time.
        busy_percent: the CPU time in use at the last look, in per cent.
    """

    waited_s: float
    bound_s: float
    bound_hit: bool
    unrest: tuple[Excess, ...] = ()
    busy_percent: float = 0.0


class Look(NamedTuple):
    """The host's activity, as shares of the interval between two samples; NaN is unknown.

    ``runnable`` is the current number of tasks, because the load average lags a minute behind.
    """

    cpu: float
    psi_cpu: float = math.nan
    psi_memory: float = math.nan
    psi_io: float = math.nan
    runnable: float = math.nan

    def excess(self, baseline: Look) -> Iterator[Excess]:
        """Yield the activities that exceed the baseline by more than the tolerance."""
        for kind, now, before in zip(SHARES, self, baseline, strict=False):
            if now > before + TOLERANCE:
                yield Excess(kind, round(100 * now), round(100 * before))
        if self.runnable > baseline.runnable + RUNNABLE_TOLERANCE:
            yield Excess(Unrest.RUNNABLE, round(self.runnable), round(baseline.runnable))


SHARES = (Unrest.CPU, Unrest.PRESSURE_CPU, Unrest.PRESSURE_MEMORY, Unrest.PRESSURE_IO)  # as in Look


def look_between(first: Sample, second: Sample) -> Look:
    """Return the activity between two samples, with the smaller number of tasks, because it fluctuates."""
    total_s = second.cpu_total_s - first.cpu_total_s
    length_s = second.at_s - first.at_s
    cpu, memory, io = (
        (getattr(second, name) - getattr(first, name)) / length_s if length_s > 0 else math.nan
        for name in ("psi_cpu_some_s", "psi_memory_some_s", "psi_io_some_s")
    )
    busy = 1 - (second.cpu_idle_s - first.cpu_idle_s) / total_s
    return Look(busy, cpu, memory, io, min(first.runnable, second.runnable))


class Quiescence:
    """Waits for a quiet host; remembers the activity before the first load as the baseline.

    Attributes:
        disturbed: CPU time in use, in per cent, before each load that began on a busy host.
    """

    def __init__(
        self,
        sample: Callable[[], Sample],
        ours: Callable[[], Collection[int]] = lambda: (),
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        """Remember where samples and leftovers are found.

        Args:
            sample: returns the latest sample.
            ours: returns the processes of ours that are left.
            hurry: asks for the next sample now instead of at the end of an interval.
        """
        self._sample = sample
        self._ours = ours
        self._hurry = hurry
        self._baseline: Look | None = None
        self.disturbed: list[float] = []

    def wait(
        self,
        quiet_host: str,
        bound_s: float,
        stopped: Callable[[], bool] = lambda: False,
        *,
        helpers: Collection[int] = (),
    ) -> Quiet | None:
        """Block until no process of ours is left and the host is quiet, or the time limit is reached.

        The first call takes the baseline. Busy is the share of CPU time that was not idle between two of
        the monitor's samples. ``helpers`` are processes of ours that stay.

        Returns:
            The result of the wait; None if ``quiet_host`` switches it off.

        Raises:
            LoadError: the host is busy and ``quiet_host`` is ``fail``.
        """
        if quiet_host == "off":
            return None
        begin_ns = monotonic_ns()
        look, unrest = self._settle(begin_ns + nanoseconds(bound_s), stopped, helpers)
        if look.cpu > QUIET_SHARE and not stopped():
            self.disturbed.append(100 * look.cpu)
            if quiet_host == "fail":
                raise LoadError(
                    f"--sweep-quiet-host=fail: the host is {100 * look.cpu:.0f} % busy before the load, "
                    f"more than {100 * QUIET_SHARE:.0f} %; end what else runs on it, or take "
                    "--sweep-quiet-host=warn"
                )
        hit = bool(unrest) and not stopped()
        return Quiet((monotonic_ns() - begin_ns) / 1e9, bound_s, hit, unrest, round(100 * look.cpu, 1))

    def _settle(
        self, end_ns: int, stopped: Callable[[], bool], helpers: Collection[int]
    ) -> tuple[Look, tuple[Excess, ...]]:
        """Return the last look and its excesses over the baseline, which is the first call's look."""
        look: Look | None = None
        while True:
            look = self._look(end_ns, stopped) or look or Look(0.0)
            if self._baseline is None:
                self._baseline = look
            unrest = (*look.excess(self._baseline), *self._leftovers(helpers))
            if not unrest or monotonic_ns() >= end_ns or stopped():
                return look, unrest

    def _leftovers(self, helpers: Collection[int]) -> Iterator[Excess]:
        ours = len(set(self._ours()).difference(helpers))
        if ours:
            yield Excess(Unrest.LEFTOVERS, ours)

    def _look(self, end_ns: int, stopped: Callable[[], bool]) -> Look | None:
        """Return a look between two new samples; None if they did not arrive in time."""
        last = self._sample()
        if last.number:  # a first sample comes as soon as the monitor is up
            self._hurry()
        first = self._next(last, end_ns, stopped)
        second = self._next(first, end_ns, stopped, LEAST_S)
        return look_between(first, second) if second.cpu_total_s > first.cpu_total_s else None

    def _next(self, last: Sample, end_ns: int, stopped: Callable[[], bool], least_s: float = 0.0) -> Sample:
        """Return a sample that is that much newer than the last; the latest when the time is up."""
        while (sample := self._sample()).number == last.number or 0 < sample.at_s - last.at_s < least_s:
            if monotonic_ns() >= end_ns or stopped():
                break
            sleep_s(LOOK_EVERY_S)
        return sample


def unrest_of(quiets: Iterable[Quiet]) -> tuple[Excess, ...]:
    """Return the excesses before a load's trials, each finding once, in the order of the trials."""
    return tuple(dict.fromkeys(excess for quiet in quiets for excess in quiet.unrest))
