"""Descriptors in queues, without children: the end of a pipe stands for an exit."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.parking import BATCH, FIRST_KEY, Parking
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog

IN, HUP = select.EPOLLIN, select.EPOLLHUP
EDGE = int(select.EPOLLIN | select.EPOLLET)
LOG = LaunchLog()


def count_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Lot:
    """A parking and children that exist on paper; what holds their pipes' other ends."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.children: dict[int, Child] = {}
        self.parking = Parking(self.epoll, self.children)
        self.exits: dict[Child, int] = {}
        self.outputs: dict[Child, int] = {}

    def add(self, count: int, *, prints: bool = True) -> list[Child]:
        return [self._child(prints=prints) for _ in range(count)]

    def _child(self, *, prints: bool) -> Child:
        pidfd, exits = os.pipe()
        pipe, output = os.pipe() if prints else (-1, -1)
        child = Child(0, LOG, Instance("1", "", "", ""), 0, pidfd)
        child.pipe = pipe
        self.exits[child] = exits
        self.children[pidfd] = child
        self.epoll.register(pidfd, IN)
        if prints:
            self.outputs[child] = output
            self.children[pipe] = child
            self.epoll.register(pipe, EDGE)
        self.parking.young.append(child)
        return child

    def told(self) -> list[tuple[Child, str]]:
        """Return the owners of the reported descriptors; unknown ones are skipped, as by the supervisor."""
        known = [
            (self.children[number], number) for number, _ in self.epoll.poll(0) if number in self.children
        ]
        return [(child, "exit" if number == child.pidfd else "output") for child, number in known]

    def forget(self, child: Child) -> None:
        for number in (child.pidfd, child.pipe):
            if number >= 0:
                del self.children[number]
                if number < FIRST_KEY:
                    self.epoll.unregister(number)
                    os.close(number)
        child.pidfd = -1
        self.parking.leave(child)

    def close(self) -> None:
        for child in set(self.children.values()):
            self.forget(child)
        self.epoll.close()
        for number in itertools.chain(self.exits.values(), self.outputs.values()):
            os.close(number)


@pytest.fixture
def lot() -> Iterator[Lot]:
    """A parking lot; whatever happens on it, nothing is left open."""
    before = count_open()
    made = Lot()
    yield made
    made.close()
    assert count_open() == before


def parked(children: list[Child]) -> list[bool]:
    return [child.pidfd >= FIRST_KEY for child in children]


def test_few_are_never_parked(lot: Lot) -> None:
    children = lot.add(2 * BATCH - 1)
    lot.parking.round()
    assert not any(parked(children))


@pytest.mark.parametrize("prints", [True, False])
def test_the_older_half_is_parked_and_one_socket_is_open_for_it(lot: Lot, *, prints: bool) -> None:
    children = lot.add(2 * BATCH, prints=prints)
    before = count_open()
    lot.parking.round()
    assert parked(children) == [True] * BATCH + [False] * BATCH
    assert before - count_open() == (2 if prints else 1) * BATCH - 1
    assert lot.parking.young == children[BATCH:]
    assert lot.parking.round_at == 2 * BATCH


def test_those_that_have_ended_are_dropped_and_the_next_round_comes_later(lot: Lot) -> None:
    children = lot.add(2 * BATCH)
    for child in children[1:]:
        lot.forget(child)
    lot.parking.round()
    assert lot.parking.young == children[:1]
    assert lot.parking.round_at == 1 + BATCH


def test_one_that_has_printed_stays_for_a_round(lot: Lot) -> None:
    children = lot.add(3 * BATCH)
    children[0].has_printed = True
    lot.parking.round()
    assert parked(children) == [False] + [True] * BATCH + [False] * (2 * BATCH - 1)
    lot.add(BATCH)
    lot.parking.round()
    assert parked(children)[0]


def test_a_backlog_is_parked_two_batches_at_a_time(lot: Lot) -> None:
    children = lot.add(5 * BATCH)
    lot.parking.round()
    assert parked(children) == [True] * 2 * BATCH + [False] * 3 * BATCH


def test_what_happens_to_parked_ones_is_told_under_their_keys(lot: Lot) -> None:
    children = lot.add(2 * BATCH)
    lot.parking.round()
    os.write(lot.exits[children[3]], b"!")
    os.write(lot.outputs[children[5]], b"!")
    assert sorted(lot.told(), key=lambda event: event[1]) == [(children[3], "exit"), (children[5], "output")]
    assert lot.told() == []  # once


def test_what_had_happened_before_the_parking_is_told_too(lot: Lot) -> None:
    children = lot.add(2 * BATCH)
    os.write(lot.outputs[children[0]], b"!")
    os.write(lot.exits[children[1]], b"!")
    lot.parking.round()
    assert set(lot.told()) == {(children[0], "output"), (children[1], "exit")}


@pytest.mark.parametrize("number_taken", [False, True])
def test_a_pipe_that_is_taken_back_holds_its_output_and_is_told_of(lot: Lot, *, number_taken: bool) -> None:
    """Under its old number, whose epoll item is still there, or under another."""
    children = lot.add(2 * BATCH)
    child, old = children[5], children[5].pipe
    lot.parking.round()
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(2 * BATCH * number_taken)]
    before = count_open()
    os.write(lot.outputs[child], b"up")
    assert lot.told() == [(child, "output")]
    child.pipe = lot.parking.take_back(child, child.pipe, EDGE)
    assert (child.pipe == old) != number_taken
    assert count_open() == before + 1
    assert not os.get_inheritable(child.pipe)
    assert os.read(child.pipe, 10) == b"up"
    os.write(lot.outputs[child], b"!")
    os.write(lot.exits[child], b"!")
    assert (child, "output") in lot.told()
    assert sum(parked(children)) == BATCH
    for number in files:
        os.close(number)


def test_an_exit_is_told_while_the_pipe_is_back(lot: Lot) -> None:
    child = lot.add(2 * BATCH)[0]
    lot.parking.round()
    child.pipe = lot.parking.take_back(child, child.pipe, EDGE)
    lot.told()
    os.write(lot.exits[child], b"!")
    assert lot.told() == [(child, "exit")]


def test_an_exit_that_is_taken_back_is_told_again_and_again(lot: Lot) -> None:
    child = lot.add(2 * BATCH)[0]
    lot.parking.round()
    os.write(lot.exits[child], b"!")
    assert lot.told() == [(child, "exit")]
    child.pidfd = lot.parking.take_back(child, child.pidfd, int(IN))
    assert [lot.told() for _ in range(3)] == [[(child, "exit")]] * 3


def test_the_files_are_closed_when_the_last_of_the_batch_has_gone(lot: Lot) -> None:
    children = lot.add(2 * BATCH)
    lot.parking.round()
    first = children[0]
    for child in children[1:BATCH]:
        lot.forget(child)
    assert os.write(lot.outputs[first], b"!") == 1
    lot.forget(first)
    with pytest.raises(BrokenPipeError):
        os.write(lot.outputs[first], b"!")
    assert lot.epoll.poll(0) == []


def test_no_key_is_used_twice_so_that_late_events_are_nobodys(lot: Lot) -> None:
    children = lot.add(2 * BATCH)
    lot.parking.round()
    stale = {number for child in children[:BATCH] for number in (child.pidfd, child.pipe)}
    os.write(lot.exits[children[0]], b"!")
    for child in children[: BATCH - 1]:
        lot.forget(child)
    lot.add(BATCH)
    lot.parking.round()
    assert lot.told() == []
    assert stale & set(lot.children) == {children[BATCH - 1].pidfd, children[BATCH - 1].pipe}


@pytest.mark.parametrize("call", ["send_fds", "socketpair"])
def test_when_the_kernel_refuses_all_stay_where_they_are(
    lot: Lot, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ETOOMANYREFS, "Too many references: cannot splice")

    monkeypatch.setattr(socket, call, refuse)
    children = lot.add(2 * BATCH)
    before = count_open()
    lot.parking.round()
    assert (any(parked(children)), count_open()) == (False, before)
    os.write(lot.outputs[children[0]], b"!")
    assert lot.told() == [(children[0], "output")]
    assert lot.parking.round_at == 3 * BATCH  # and it is tried again


def test_taking_back_without_room_for_descriptors_is_an_oserror(lot: Lot) -> None:
    children = lot.add(2 * BATCH)
    lot.parking.round()
    before = count_open()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 5, limits[1]))
    try:
        with pytest.raises(OSError, match="too many open files to look at"):
            lot.parking.take_back(children[0], children[0].pipe, EDGE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert count_open() == before


def test_an_epoll_that_does_not_know_the_descriptor_is_an_oserror(lot: Lot) -> None:
    children = lot.add(2 * BATCH)
    lot.epoll.unregister(children[0].pidfd)
    with pytest.raises(FileNotFoundError):
        lot.parking.round()
    lot.epoll.register(children[0].pidfd, IN)
