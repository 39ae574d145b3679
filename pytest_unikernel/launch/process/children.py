"""The children in flight: their descriptors in the epoll set, some of them parked, and their order."""

from __future__ import annotations

import itertools
import os
import select
from collections import OrderedDict
from collections.abc import Iterator

from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.event_loop import EPOLLIN, EventLoop
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.parking import FIRST_KEY, Parking
from pytest_unikernel.launch.runtime import PidTable

# Instances in flight up to which their descriptors are not parked: parking costs the generator about as much
# CPU time as it saves, and what it saves each launched instance is worth that only in a crowd.
CROWD = 512
# Edge-triggered, so that the end of a pipe is reported once and needs no handling before the exit.
EPOLLIN_EDGE = int(select.EPOLLIN | select.EPOLLET)


class Children:
    """The children in flight, as they were started."""

    def __init__(self, loop: EventLoop[Child], table: PidTable) -> None:
        self._epoll = loop.epoll
        self._register, self._unregister = loop.epoll.register, loop.epoll.unregister
        self._leave = table.leave
        self._by_descriptor = loop.by_descriptor
        self._by_name: OrderedDict[str, Child] = OrderedDict()
        self._parking = Parking(loop.epoll, loop.by_descriptor)
        self._young, self._parked = self._parking.young, self._parking.batches

    def __iter__(self) -> Iterator[Child]:
        """Yield those that are in flight now, whatever becomes of them meanwhile."""
        return iter(list(self._by_name.values()))

    def named(self, instance_id: str) -> Child | None:
        """Return the child of that instance, if it is in flight."""
        return self._by_name.get(instance_id)

    def add(self, child: Child) -> None:
        """Begin to watch a new child; it can't be lost meanwhile, for it stays a zombie until reaped."""
        pidfd, pipe = child.pidfd, child.pipe
        self._by_descriptor[pidfd] = self._by_name[child.instance.id] = child
        self._register(pidfd, EPOLLIN)
        if pipe >= 0:
            self._by_descriptor[pipe] = child
            self._register(pipe, EPOLLIN_EDGE)
        if len(self._by_name) > CROWD:
            self._young.append(child)
            if len(self._young) >= self._parking.round_at:
                self._parking.round()

    def remove(self, child: Child) -> None:
        """Let go of a child. Closing a descriptor alone would not take it out of the epoll set.

        The launch before may still hold a copy: posix_spawn returns before the exec closes them. Its
        events would then be taken for those of the next descriptor of that number.
        """
        pidfd, pipe = child.pidfd, child.pipe
        del self._by_descriptor[pidfd], self._by_name[child.instance.id]
        if pidfd < FIRST_KEY:
            self._unregister(pidfd)
            os.close(pidfd)
        if pipe >= 0:
            del self._by_descriptor[pipe]
            if pipe < FIRST_KEY:
                self._unregister(pipe)
                os.close(pipe)
        child.pidfd = -1
        if self._parked:
            self._parking.leave(child)
        self._leave(child.slot)

    # output and exits -----------------------------------------------------------------------------

    def take_output(self, child: Child) -> None:
        """Read a child's output; if there is more it is reported again."""
        if not self.drain(child):
            self._epoll.modify(child.pipe, EPOLLIN_EDGE)

    def drain(self, child: Child) -> bool:
        """Read a child's output; return False if there may be more."""
        if child.pipe >= FIRST_KEY:
            child.pipe = self._parking.take_back(child, child.pipe, EPOLLIN_EDGE)
        return child.drain()

    def expect_exit(self, child: Child) -> None:
        """Have an exit reported again that was reported too early: a parked child reports it once only."""
        if child.pidfd >= FIRST_KEY:
            child.pidfd = self._parking.take_back(child, child.pidfd, EPOLLIN)

    # time-outs ------------------------------------------------------------------------------------

    def _running(self) -> Iterator[Child]:
        """Yield the children whose outcome is still open, the oldest first: its time-out is the next."""
        return (child for child in self._by_name.values() if child.ended_as is None)

    def overdue(self, now_ns: int) -> list[Child]:
        """Return the children whose time is up."""
        return list(itertools.takewhile(lambda child: child.limit_ns <= now_ns, self._running()))

    def next_limit_ns(self) -> int:
        """Return when the next child's time is up."""
        oldest = next(self._running(), None)
        return NEVER_NS if oldest is None else oldest.limit_ns
