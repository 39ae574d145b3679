"""Signals that are held back, sent to this very process."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from pytest_unikernel.run.held_signals import SIGNALS, HeldSignals


@pytest.fixture(autouse=True)
def seen() -> Iterator[list[int]]:
    """Signals that reach the handlers from before."""
    numbers: list[int] = []
    old = {number: signal.signal(number, lambda number, _: numbers.append(number)) for number in SIGNALS}
    yield numbers
    for number, handler in old.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_held_and_known(number: int, seen: list[int]) -> None:
    with HeldSignals() as held:
        signal.raise_signal(number)
    assert (held.first, seen) == (number, [])
    assert held.own_handler(number)
    signal.raise_signal(number)
    assert seen == [number]


def test_the_first_of_several_counts(seen: list[int]) -> None:
    with HeldSignals() as held:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
    assert (held.first, seen) == (signal.SIGHUP, [])


def test_the_third_takes_effect_at_once(seen: list[int]) -> None:
    with HeldSignals():
        for number in SIGNALS:
            signal.raise_signal(number)
        assert seen == [SIGNALS[-1]]


def test_a_signal_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with HeldSignals() as held:
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert held.first == 0


def test_what_a_program_does_with_signals_by_itself_is_no_handler_of_its_own() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with HeldSignals() as held:
        pass
    assert not held.own_handler(signal.SIGINT)
    assert not held.own_handler(signal.SIGTERM)
