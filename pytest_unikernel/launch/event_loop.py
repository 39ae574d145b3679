"""The event loop of every supervisor of real instances: one epoll over a timerfd and the instances' events.

This is the hot path of every load; code that looks inlined here was measured.
"""

from __future__ import annotations

import os
import select
from array import array
from collections.abc import Callable
from typing import Generic, TypeVar

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.host.linux import timer_setter, timerfd

EPOLLIN = int(select.EPOLLIN)
S = TypeVar("S")


class EventLoop(Generic[S]):
    """Hands each event to the source or handler of its descriptor, and deadlines to the owner.

    A descriptor belongs to a source, an object of the owner's that registers in the epoll set itself, or
    is watched: then it has a handler of its own. One clock read stamps all events of one poll.

    Attributes:
        epoll: the set; its descriptors may be any numbers that are in ``by_descriptor``.
        by_descriptor: the sources.
        limit_ns: when the owner's next deadline is, or earlier: its deadlines are enforced then.
        ahead_ns: for how long before the end of a punctual wait the loop doesn't sleep, but looks again and
            again.
        is_any_gone: an instance has exited or was removed; a wait for that returns once.
        turns_ns: how long each turn took to handle its events.
    """

    def __init__(
        self,
        handle: Callable[[S, int, int, int], None],
        enforce_limits: Callable[[int], int],
        max_events: int,
    ) -> None:
        """Make a loop.

        Args:
            handle: takes a source, its descriptor, the epoll mask and the instant.
            enforce_limits: takes the instant and returns when the next deadline is.
            max_events: the most that are handled before the loop looks at the time again.
        """
        self._handle = handle
        self._enforce_limits = enforce_limits
        self._max_events = max_events
        self.epoll = select.epoll()
        self.by_descriptor: dict[int, S] = {}
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._timer = timerfd()
        self.epoll.register(self._timer, EPOLLIN)
        self._arm = timer_setter(self._timer)
        self._armed_ns = -1
        self.limit_ns = self.ahead_ns = 0
        self.is_any_gone = False
        self.turns_ns = array("Q")

    def watch(self, descriptor: int, handler: Callable[[int], None]) -> None:
        """Call the handler with the instant whenever the descriptor is readable, and end the wait."""
        self._handlers[descriptor] = handler
        self.epoll.register(descriptor, EPOLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Forget a watched descriptor; the caller closes it."""
        if self._handlers.pop(descriptor, None) is not None:
            self.epoll.unregister(descriptor)

    def expect(self, limit_ns: int) -> None:
        """Have the deadlines enforced at that instant at the latest."""
        if limit_ns < self.limit_ns:
            self.limit_ns = limit_ns

    def wait(self, until_ns: int, *, or_exit: bool = True, punctual: bool = True) -> int:  # noqa: C901, PLR0912 - calls are dear
        """Handle events until the instant, or an exit, or a watched descriptor; see the protocol.

        An instance that was removed is as good a reason to return as an exit.
        """
        poll, by_descriptor, handle = self.epoll.poll, self.by_descriptor, self._handle
        max_events, returning = self._max_events, False
        now_ns, awake_ns = monotonic_ns(), until_ns
        if punctual:
            awake_ns -= self.ahead_ns
        while True:
            wake_ns = self.limit_ns if self.limit_ns < awake_ns else awake_ns
            if wake_ns <= now_ns:
                happened = poll(0, max_events)
            else:
                if wake_ns != self._armed_ns:
                    self._arm(wake_ns)
                    self._armed_ns = wake_ns
                happened = poll(-1, max_events)
            now_ns = monotonic_ns()
            for descriptor, mask in happened:
                source = by_descriptor.get(descriptor)
                if source is not None:
                    handle(source, descriptor, mask, now_ns)
                elif descriptor == self._timer:
                    self._armed_ns = -1
                else:
                    returning |= self._on_watched(descriptor, now_ns)
            if now_ns >= self.limit_ns:
                self.limit_ns = self._enforce_limits(now_ns)
            if self.is_any_gone:
                self.is_any_gone = False
                returning |= or_exit
            if happened:  # idle looks ahead of a deadline would be most of them
                self.turns_ns.append(monotonic_ns() - now_ns)
            if returning or now_ns >= until_ns:
                return now_ns

    def _on_watched(self, descriptor: int, now_ns: int) -> bool:
        """Call the handler; return False if there is none, for an earlier event of the turn unwatched it."""
        handler = self._handlers.get(descriptor)
        if handler is not None:
            handler(now_ns)
        return handler is not None

    def close(self) -> None:
        """Close the epoll set and the timer."""
        self.epoll.close()
        os.close(self._timer)
