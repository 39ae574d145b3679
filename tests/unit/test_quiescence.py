"""Waiting for a quiet host, and what is done when it isn't."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from pytest_unikernel.errors import LoadError
from pytest_unikernel.quiescence import Quiescence
from pytest_unikernel.samples import Sample

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
