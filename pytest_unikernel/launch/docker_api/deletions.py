"""Removes containers in the background, a few at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.launch.deadlines import DeadlineQueue
from pytest_unikernel.launch.docker_api import requests
from pytest_unikernel.launch.docker_api.exchange import Exchange
from pytest_unikernel.launch.docker_api.wire import Wire

# A removal takes the engine about as long as a creation; more at once would only keep it from launches.
MOST = 8
BOUND_NS = 30 * NS_PER_S
Done = Callable[[int], None]


class Deletions:
    """Asks the engine to remove containers, whether they run or not.

    A removal that fails is no failure of the load: the container may be gone already, and the target's
    ``leftovers`` come after it.

    Attributes:
        overdue: those that the engine should have answered.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: deque[tuple[str, Done]] = deque()
        self._at_work: dict[Exchange, Done] = {}
        self.overdue: DeadlineQueue[Exchange] = DeadlineQueue(BOUND_NS)

    @property
    def pending(self) -> int:
        """The number of containers that have not been removed yet."""
        return len(self._waiting) + len(self._at_work)

    def add(self, container: str, done: Done, now_ns: int) -> None:
        """Have a container removed; ``done`` gets the instant when that is answered, or given up."""
        self._waiting.append((container, done))
        self._next(now_ns)

    def _next(self, now_ns: int) -> None:
        while self._waiting and len(self._at_work) < MOST:
            container, done = self._waiting.popleft()
            exchange = Exchange(requests.delete(container), self._on_reply)
            try:
                self._wire.open(exchange, now_ns)
            except OSError:
                done(now_ns)
                continue
            self._at_work[exchange] = done
            self._wire.loop.expect(self.overdue.add(exchange, now_ns))

    def _on_reply(self, exchange: Exchange, now_ns: int) -> None:
        if exchange.reply.is_complete or exchange.reply.problem:
            self.give_up(exchange, now_ns)

    def give_up(self, exchange: Exchange, now_ns: int) -> None:
        """Let go of a removal that was answered, or won't be, and go on with the next."""
        self._wire.close(exchange)
        self.overdue.discard(exchange)
        self._at_work.pop(exchange)(now_ns)
        self._next(now_ns)
