"""Signals during a load set a flag and wake the loop; no exception is raised before the load ends."""

from __future__ import annotations

import os
import select
import signal
import threading

import pytest

from pytest_unikernel.run.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_wakes_the_loop(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        assert not interrupts.asked()
        signal.raise_signal(number)
        assert interrupts.asked()
        assert interrupts.requested == number
        assert select.select([interrupts.descriptor], [], [], 0)[0]
        interrupts.drain(0)
        assert not select.select([interrupts.descriptor], [], [], 0)[0]


def test_the_handlers_and_the_wakeup_descriptor_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupts() as interrupts:
        descriptor = interrupts.descriptor
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    assert wakeup == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_second_signal_raises_nothing_either() -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert interrupts.requested == signal.SIGINT


def test_outside_the_main_thread_nothing_is_changed() -> None:
    seen: list[object] = []

    def enter() -> None:
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
