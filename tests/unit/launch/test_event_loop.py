"""The event loop: its dispatch of events and the end of waits; pipes stand in for instances."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from polls import Polls

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.event_loop import EPOLLIN, EventLoop

S = 1_000_000_000
LONG_NS = 60 * S  # never reached: what is waited for comes first
MANY = 16
GONE = b"gone"


class Owner:
    """The owner of a loop: writes down what it is given, and does what the test says."""

    def __init__(self) -> None:
        self.loop: EventLoop[str] = EventLoop(self.handle, self.enforce, MANY)
        self.handled: list[tuple[str, int, int]] = []
        self.enforced_ns: list[int] = []
        self.limits_ns = [NEVER_NS]  # answers, the last one again and again
        self.ends: list[int] = []

    def handle(self, source: str, descriptor: int, mask: int, _now_ns: int) -> None:
        self.loop.is_any_gone |= os.read(descriptor, 100) == GONE
        self.handled.append((source, descriptor, mask))

    def enforce(self, now_ns: int) -> int:
        self.enforced_ns.append(now_ns)
        return self.limits_ns.pop(0) if len(self.limits_ns) > 1 else self.limits_ns[0]

    def pipe(self) -> tuple[int, int]:
        self.ends += (pipe := os.pipe())
        return pipe

    def source(self, name: str) -> int:
        """Add a source and return what makes it readable."""
        read_end, write_end = self.pipe()
        self.loop.by_descriptor[read_end] = name
        self.loop.epoll.register(read_end, EPOLLIN)
        return write_end

    def wait(self, *, or_exit: bool = True) -> bool:
        """Wait for what comes; return whether that was less than for ever."""
        until_ns = monotonic_ns() + LONG_NS
        return self.loop.wait(until_ns, or_exit=or_exit) < until_ns

    def look(self) -> None:
        """Look at what has come."""
        self.loop.wait(monotonic_ns(), or_exit=False)


@pytest.fixture
def owner() -> Iterator[Owner]:
    """An owner whose first deadlines have been enforced."""
    made = Owner()
    made.look()
    yield made
    made.loop.close()
    for descriptor in made.ends:
        os.close(descriptor)


def test_deadlines_are_enforced_in_the_first_turn_for_their_owner_alone_knows_them(owner: Owner) -> None:
    assert len(owner.enforced_ns) == 1
    owner.look()
    assert len(owner.enforced_ns) == 1


def test_an_event_goes_to_the_source_of_its_descriptor(owner: Owner) -> None:
    one, two = owner.source("one"), owner.source("two")
    os.write(two, b"!")
    owner.look()
    os.write(one, b"!")
    owner.look()
    assert [(source, mask) for source, _, mask in owner.handled] == [("two", EPOLLIN), ("one", EPOLLIN)]
    assert len(owner.loop.turns_ns) == 2


def test_an_event_of_a_source_alone_does_not_end_a_wait(owner: Owner) -> None:
    os.write(owner.source("one"), b"!")
    until_ns = monotonic_ns() + S // 100
    assert owner.loop.wait(until_ns) >= until_ns
    assert len(owner.handled) == 1


def test_an_instance_that_is_gone_ends_the_wait_of_those_who_wait_for_that(owner: Owner) -> None:
    os.write(owner.source("one"), GONE)
    assert owner.wait()


def test_an_instance_that_is_gone_is_told_once_even_to_those_who_do_not_wait_for_that(owner: Owner) -> None:
    one = owner.source("one")
    os.write(one, GONE)
    owner.look()
    os.write(one, b"!")
    until_ns = monotonic_ns() + S // 100
    assert owner.loop.wait(until_ns) >= until_ns


def test_a_watched_descriptor_ends_every_wait_until_it_is_unwatched(owner: Owner) -> None:
    read_end, write_end = owner.pipe()
    seen: list[int] = []
    owner.loop.watch(read_end, seen.append)
    os.write(write_end, b"!")
    assert owner.wait(or_exit=False)
    assert len(seen) == 1
    owner.loop.unwatch(read_end)
    owner.loop.unwatch(read_end)  # nobody's any more
    owner.look()
    assert len(seen) == 1


def test_what_an_earlier_event_of_the_same_turn_unwatched_is_passed_over(owner: Owner) -> None:
    pipes = [owner.pipe() for _ in range(2)]
    seen: list[int] = []

    def forget_all(now_ns: int) -> None:
        seen.append(now_ns)
        for read_end, _ in pipes:
            owner.loop.unwatch(read_end)

    for read_end, write_end in pipes:
        owner.loop.watch(read_end, forget_all)
        os.write(write_end, b"!")
    assert owner.wait()
    assert len(seen) == 1


def test_so_many_events_at_most_are_handled_before_the_time_is_looked_at(owner: Owner) -> None:
    for _ in range(MANY + 1):
        os.write(owner.source("one"), b"!")
    owner.look()
    assert len(owner.handled) == MANY
    owner.look()
    assert len(owner.handled) == MANY + 1


def test_deadlines_are_enforced_when_they_are_expected_and_when_the_owner_says(owner: Owner) -> None:
    begin_ns = monotonic_ns()
    first_ns, second_ns = begin_ns + S // 100, begin_ns + S // 50
    owner.limits_ns = [second_ns, NEVER_NS]
    owner.loop.expect(first_ns)
    owner.loop.expect(first_ns + LONG_NS)  # later than what is expected already
    end_ns = owner.loop.wait(begin_ns + S // 25)
    _, one_ns, two_ns = owner.enforced_ns
    assert first_ns <= one_ns < two_ns <= end_ns
    assert two_ns >= second_ns
    assert owner.loop.limit_ns == NEVER_NS


def test_a_wait_for_an_instant_that_has_passed_looks_once(owner: Owner) -> None:
    os.write(owner.source("one"), b"!")
    before_ns = monotonic_ns()
    assert before_ns <= owner.loop.wait(before_ns - S) <= monotonic_ns()
    assert len(owner.handled) == 1


@pytest.mark.parametrize(
    ("ahead_ns", "punctual", "timeouts"), [(LONG_NS, True, {0}), (LONG_NS, False, {-1}), (0, True, {-1})]
)
def test_only_a_punctual_wait_is_awake_ahead_of_its_end(
    owner: Owner, ahead_ns: int, timeouts: set[int], *, punctual: bool
) -> None:
    owner.loop.ahead_ns = ahead_ns
    polls = owner.loop.epoll = Polls(owner.loop.epoll)  # type: ignore[assignment]
    until_ns = monotonic_ns() + S // 100
    assert owner.loop.wait(until_ns, punctual=punctual) >= until_ns
    assert polls.timeouts == timeouts
