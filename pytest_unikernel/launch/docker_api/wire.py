"""The exchanges under way with one engine: opened, fed with received bytes, closed."""

from __future__ import annotations

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.launch.deadlines import DeadlineQueue
from pytest_unikernel.launch.docker_api.exchange import Exchange
from pytest_unikernel.launch.event_loop import EventLoop

RETRY_NS = NS_PER_S // 1000


class Wire:
    """Exchanges as sources of a loop's events.

    Attributes:
        retries: those whose connection could not be made for the moment.
    """

    def __init__(self, path: str, loop: EventLoop[Exchange]) -> None:
        self.path = path
        self.loop = loop
        self._epoll, self._by_descriptor = loop.epoll, loop.by_descriptor
        self.retries: DeadlineQueue[Exchange] = DeadlineQueue(RETRY_NS)

    def open(self, exchange: Exchange, now_ns: int) -> None:
        """Begin an exchange.

        Raises:
            OSError: see :meth:`Exchange.connect`.
        """
        if not exchange.connect(self.path):
            self.loop.expect(self.retries.add(exchange, now_ns))
            return
        self._by_descriptor[exchange.descriptor] = exchange
        self._epoll.register(exchange.descriptor, exchange.mask)

    def retry(self, exchange: Exchange, now_ns: int) -> None:
        """Try again; a refusal is the reply."""
        try:
            self.open(exchange, now_ns)
        except OSError as error:
            exchange.reply.lose(f"can't connect to {self.path}: {error.strerror or error}")
            exchange.handler(exchange, now_ns)

    def proceed(self, exchange: Exchange, now_ns: int) -> None:
        """Let an exchange receive."""
        before = exchange.mask
        exchange.proceed(now_ns)
        if exchange.descriptor >= 0 and exchange.mask != before:
            self._epoll.modify(exchange.descriptor, exchange.mask)

    def close(self, exchange: Exchange) -> None:
        """End an exchange, at whatever point it is."""
        self.retries.discard(exchange)
        if exchange.descriptor >= 0:
            del self._by_descriptor[exchange.descriptor]
            self._epoll.unregister(exchange.descriptor)
            exchange.close()

    def close_all(self) -> None:
        """End all of them."""
        for exchange in list(self._by_descriptor.values()):
            self.close(exchange)
