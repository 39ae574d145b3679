"""Waiting for a quiet host, and what is done when it isn't."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from pytest_unikernel.errors import LoadError
from pytest_unikernel.host.quiet import Excess, Look, Quiescence, Unrest, look_between
from pytest_unikernel.host.samples import Sample

LONG_S = 3600.0


class Host:
    """A host that was busy for the given share of each interval between two looks, the last for ever."""

    def __init__(self, shares: Iterable[float]) -> None:
        self._shares = list(shares)
        self.looks = 0
        self._samples = self._all()

    def _all(self) -> Iterator[Sample]:
        idle_s = 0.0
        while True:
            yield Sample(number=self.looks, cpu_total_s=float(self.looks), cpu_idle_s=idle_s)
            idle_s += 1 - self._shares[min(self.looks, len(self._shares) - 1)]
            self.looks += 1

    def sample(self) -> Sample:
        return next(self._samples)


def test_a_quiet_host_is_not_waited_for() -> None:
    host = Host([0.02])
    quiescence = Quiescence(host.sample)
    quiescence.wait("fail", LONG_S)
    quiescence.wait("fail", LONG_S)
    assert quiescence.disturbed == []


def test_a_load_waits_until_the_one_before_is_over() -> None:
    host = Host([0.02] * 8 + [0.9] * 40 + [0.03])
    quiescence = Quiescence(host.sample)
    for _ in range(10):
        quiescence.wait("fail", LONG_S)
    assert host.looks > 48
    assert quiescence.disturbed == []


def test_a_host_that_is_always_busy_is_remembered_but_not_waited_for() -> None:
    quiescence = Quiescence(Host([0.6]).sample)
    quiescence.wait("warn", LONG_S)
    assert quiescence.disturbed == [pytest.approx(60)]


def test_a_busy_host_is_refused_where_that_was_asked_for() -> None:
    quiescence = Quiescence(Host([0.6]).sample)
    with pytest.raises(LoadError, match=r"--sweep-quiet-host=fail: the host is 60 % busy before the load"):
        quiescence.wait("fail", LONG_S)


def test_off_does_not_even_look() -> None:
    host = Host([0.6])
    quiescence = Quiescence(host.sample)
    quiescence.wait("off", LONG_S)
    assert host.looks == 0
    assert quiescence.disturbed == []


def test_an_interrupt_ends_the_waiting_without_a_complaint() -> None:
    quiescence = Quiescence(Host([0.02] * 8 + [0.9]).sample)
    quiescence.wait("fail", LONG_S)
    quiescence.wait("fail", LONG_S, lambda: True)
    quiescence.wait("fail", LONG_S, lambda: True)
    assert quiescence.disturbed == []


def test_a_monitor_that_has_died_is_waited_for_no_longer_than_the_bound() -> None:
    quiescence = Quiescence(Sample)
    quiescence.wait("fail", 0.0)
    assert quiescence.disturbed == []


# what else is looked at, and what is told --------------------------------------------------------

QUIET = Sample(
    cpu_total_s=0.0, at_s=0.0, psi_cpu_some_s=0.0, psi_memory_some_s=0.0, psi_io_some_s=0.0, runnable=1
)


def test_a_wait_tells_how_long_it_took_and_that_its_bound_was_not_hit() -> None:
    quiescence = Quiescence(Host([0.02] * 4 + [0.9] * 10 + [0.02]).sample)
    quiescence.wait("warn", LONG_S)
    quiet = quiescence.wait("warn", LONG_S)
    assert quiet is not None
    assert (quiet.bound_s, quiet.bound_hit, quiet.unrest) == (LONG_S, False, ())
    assert 0 <= quiet.waited_s < LONG_S


def test_a_bound_that_was_hit_is_told_with_what_was_not_quiet() -> None:
    quiescence = Quiescence(Host([0.02] * 4 + [0.9]).sample)
    quiescence.wait("warn", LONG_S)
    quiet = quiescence.wait("warn", 0.0)
    assert quiet is not None
    assert quiet.bound_hit
    assert quiet.unrest == (Excess(Unrest.CPU, 90, 2),)


class Stopping(Host):
    """A host whose monitor takes no more samples after so many looks."""

    _last = Sample()

    def sample(self) -> Sample:
        self._last = super().sample() if self.looks < 12 else self._last
        return self._last


def test_a_bound_that_passes_between_two_samples_is_hit_by_the_look_before() -> None:
    quiescence = Quiescence(Stopping([0.02] * 4 + [0.9]).sample)
    quiescence.wait("warn", LONG_S)
    quiet = quiescence.wait("warn", 0.2)
    assert quiet is not None
    assert quiet.unrest == (Excess(Unrest.CPU, 90, 2),)


def test_helpers_of_a_load_between_its_trials_are_not_waited_for() -> None:
    quiescence = Quiescence(Host([0.02]).sample, lambda: [7])
    quiet = quiescence.wait("warn", LONG_S, helpers=[7])
    assert quiet is not None
    assert not quiet.bound_hit


def test_processes_of_ours_are_waited_for() -> None:
    left = [[1, 2], [2], []]
    quiescence = Quiescence(Host([0.02]).sample, lambda: left.pop(0))
    quiet = quiescence.wait("warn", LONG_S)
    assert quiet is not None
    assert (left, quiet.bound_hit) == ([], False)


def test_a_process_of_ours_that_does_not_go_is_named() -> None:
    quiet = Quiescence(Host([0.02]).sample, lambda: [7]).wait("warn", 0.0)
    assert quiet is not None
    assert quiet.unrest == (Excess(Unrest.LEFTOVERS, 1),)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"psi_cpu_some_s": 0.5}, [Excess(Unrest.PRESSURE_CPU, 50, 0)]),
        ({"psi_memory_some_s": 0.2}, [Excess(Unrest.PRESSURE_MEMORY, 20, 0)]),
        ({"psi_io_some_s": 0.11}, [Excess(Unrest.PRESSURE_IO, 11, 0)]),
        ({"psi_io_some_s": 0.09}, []),
        ({"psi_cpu_some_s": float("nan")}, []),
    ],
)
def test_pressure_above_its_baseline_is_not_quiet(changed: dict[str, float], told: list[Excess]) -> None:
    second = QUIET._replace(cpu_total_s=2.0, cpu_idle_s=2.0, at_s=1.0)
    baseline = look_between(QUIET, second)
    assert list(look_between(QUIET, second._replace(**changed)).excess(baseline)) == told


def test_tasks_that_wait_for_a_cpu_are_not_quiet() -> None:
    calm, busy = Look(0.0, runnable=1), Look(0.0, runnable=9)
    assert list(busy.excess(calm)) == [Excess(Unrest.RUNNABLE, 9, 1)]
    assert list(Look(0.0, runnable=3).excess(calm)) == []
    jumping = look_between(QUIET._replace(runnable=9), QUIET._replace(cpu_total_s=1.0, at_s=1.0, runnable=2))
    assert jumping.runnable == 2


# how soon a look is taken ------------------------------------------------------------------------


class Hurried:
    """A monitor whose samples are taken at these times; the second is taken because it was asked for."""

    def __init__(self, *at_s: float) -> None:
        self._coming = [
            Sample(number=number, at_s=at, cpu_total_s=at, cpu_idle_s=at)
            for number, at in enumerate(at_s, start=1)
        ]
        self.asked: list[float] = []

    def sample(self) -> Sample:
        return self._coming.pop(0) if len(self._coming) > 1 else self._coming[0]

    def hurry(self) -> None:
        self.asked.append(self._coming[0].number - 1)


def test_the_first_sample_of_a_look_is_asked_for() -> None:
    monitor = Hurried(1.0, 1.01, 1.11)
    Quiescence(monitor.sample, hurry=monitor.hurry).wait("warn", LONG_S)
    assert monitor.asked == [1]


def test_a_monitor_that_is_not_up_is_not_asked() -> None:
    monitor = Hurried(1.0, 1.1)
    monitor._coming.insert(0, Sample())
    Quiescence(monitor.sample, hurry=monitor.hurry).wait("warn", LONG_S)
    assert monitor.asked == []


def test_two_samples_in_quick_succession_are_no_look() -> None:
    monitor = Hurried(1.0, 1.01, 1.012, 1.112)
    quiescence = Quiescence(monitor.sample, hurry=monitor.hurry)
    look = quiescence._look(1 << 62, lambda: False)
    assert look is not None
    assert monitor.sample().at_s == 1.112
    assert monitor._coming[0].at_s == 1.112
