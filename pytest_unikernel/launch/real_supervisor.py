"""Base of the supervisors of real instances: the bookkeeping and the event loop."""

from __future__ import annotations

from typing import Generic, TypeVar

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.launch.bookkeeping import Books
from pytest_unikernel.launch.event_loop import EventLoop
from pytest_unikernel.launch.in_flight import InFlight
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.target import Target

# An instance that takes this long does not show half a millisecond: no need to be awake ahead of a deadline.
SLOW_NS = 50_000_000

L = TypeVar("L", bound=InFlight)
S = TypeVar("S")


class RealSupervisor(Books[L], Generic[L, S]):
    """A supervisor of real instances; a derived class handles events of its sources, and deadlines."""

    def __init__(self, target: Target, runtime: Runtime, max_events: int) -> None:
        super().__init__(target, runtime)
        self._runtime = runtime
        self._loop: EventLoop[S] = EventLoop(self._on_event, self._enforce_limits, max_events)
        self._loop.ahead_ns = runtime.ahead_ns
        self.turns_ns = self._loop.turns_ns
        # The loop's own, and not methods that call it: that would cost a tenth of a turn without events.
        self.wait, self.watch = self._loop.wait, self._loop.watch

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC."""
        return monotonic_ns()

    def _on_shorter_service(self, service_ns: int) -> None:
        self._loop.ahead_ns = self._runtime.ahead_ns if service_ns < SLOW_NS else 0

    def _on_event(self, source: S, descriptor: int, mask: int, now_ns: int) -> None:
        """Handle an event of a source."""
        raise NotImplementedError

    def _enforce_limits(self, now_ns: int) -> int:
        """Act on the deadlines that have come; return when the next one is."""
        raise NotImplementedError
