"""A host's process obeys what comes through its pipe, and ends its load when nobody is there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.hosts import frames
from pytest_unikernel.hosts.frames import Frame, packed
from pytest_unikernel.hosts.orders import LEASE_NS, Orders


class Line:
    """Orders, and the end of the pipe that they come from."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        self.orders = Orders(self._read_end)

    def say(self, *said: Frame) -> None:
        os.write(self.write_end, b"".join(map(packed, said)))

    def hang_up(self) -> None:
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def close(self) -> None:
        self.hang_up()
        os.close(self._read_end)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def test_a_request_comes_whole_and_the_instant_to_begin_after_it(line: Line) -> None:
    line.say(Frame(frames.TRIAL, body=b"a load"), Frame(frames.RENEW))
    assert line.orders.next_trial() == b"a load"
    line.say(Frame(frames.GO, 12_345))
    assert line.orders.begin_at_ns() == 12_345


def test_a_load_that_is_stopped_has_the_number_of_the_signal_and_the_next_one_is_not(line: Line) -> None:
    line.say(Frame(frames.STOP, signal.SIGINT))
    line.orders.drain(monotonic_ns())
    assert line.orders.asked()
    assert line.orders.requested == signal.SIGINT
    line.say(Frame(frames.TRIAL, body=b"next"))
    assert line.orders.next_trial() == b"next"
    assert not line.orders.asked()


def test_a_stop_ends_the_wait_for_the_beginning(line: Line) -> None:
    line.say(Frame(frames.STOP, signal.SIGTERM))
    assert line.orders.begin_at_ns() is None


def test_a_pipe_that_is_closed_ends_the_load_and_the_process(line: Line) -> None:
    line.hang_up()
    line.orders.drain(monotonic_ns())
    assert (line.orders.gone, line.orders.requested) == (True, signal.SIGHUP)
    assert line.orders.next_trial() is None


def test_a_lease_that_is_not_renewed_ends_both_too(line: Line) -> None:
    now_ns = monotonic_ns()
    line.orders.drain(now_ns)
    assert not line.orders.gone
    line.orders.drain(now_ns + LEASE_NS + 1_000_000_000)
    assert (line.orders.gone, line.orders.requested) == (True, signal.SIGHUP)


def test_a_renewal_prolongs_the_lease(line: Line) -> None:
    later_ns = monotonic_ns() + LEASE_NS + 1_000_000_000
    line.say(Frame(frames.RENEW))
    line.orders.drain(later_ns)
    assert not line.orders.gone


def test_a_request_that_is_left_when_the_run_is_gone_is_not_begun(line: Line) -> None:
    line.say(Frame(frames.TRIAL, body=b"a load"))
    line.hang_up()
    line.orders.drain(monotonic_ns())
    assert line.orders.next_trial() is None
