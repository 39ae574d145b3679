"""A launch as a series of requests to the engine: create, attach and wait, start, until the exit.

The exit is waited for, and the output attached to, before the start: nothing of either can be missed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pytest_unikernel.launch.docker_api import requests
from pytest_unikernel.launch.docker_api.exchange import Exchange
from pytest_unikernel.launch.docker_api.frames import Frames
from pytest_unikernel.launch.docker_api.reply import Request
from pytest_unikernel.launch.docker_api.wire import Wire
from pytest_unikernel.launch.in_flight import InFlight
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import NONE_NS, LaunchLog


class Owner(Protocol):
    """The part of the supervisor that a launch reports its progress to."""

    def on_created(self, launch: Launch, now_ns: int) -> None:
        """There is a container."""

    def on_output(self, launch: Launch, data: bytes, now_ns: int) -> None:
        """It has printed something."""

    def on_exit(self, launch: Launch, now_ns: int) -> None:
        """It was started and has exited; or its output is over after that."""

    def on_not_started(self, launch: Launch, message: str, now_ns: int) -> None:
        """The engine refused to start it."""

    def on_problem(self, launch: Launch, message: str, now_ns: int) -> None:
        """The engine refused something else, or answers no more."""

    def on_no_connection(self, launch: Launch, error: OSError, now_ns: int) -> None:
        """The engine could not be asked."""


class Launch(InFlight):
    """The state of one launch, and the exchanges that bring it forward.

    Attributes:
        container: the engine's id; empty until it is created.
        exit_status: None until the exit was seen, at ``exited_ns``.
        has_output_ended: nothing more will be printed.
        is_started: the start was acknowledged; an exit may be seen before that.
        is_deletion_asked: its container is to be removed, whether it runs or not.
    """

    __slots__ = (
        "_exchanges",
        "_frames",
        "_is_attached",
        "_is_waited_for",
        "_owner",
        "_wire",
        "container",
        "exit_status",
        "exited_ns",
        "has_output_ended",
        "is_deletion_asked",
        "is_started",
    )

    def __init__(self, index: int, log: LaunchLog, instance: Instance, wire: Wire, owner: Owner) -> None:
        super().__init__(index, log, instance)
        self.container = ""
        self.exit_status: int | None = None
        self.exited_ns = NONE_NS
        self.is_started = self.has_output_ended = self.is_deletion_asked = False
        self._wire = wire
        self._owner = owner
        self._frames = Frames()
        self._is_attached = self._is_waited_for = False
        self._exchanges: list[Exchange] = []

    @property
    def has_exited(self) -> bool:
        """Whether it was started and its exit was seen."""
        return self.is_started and self.exit_status is not None

    def begin(self, request: Request, now_ns: int) -> None:
        """Have the container created.

        Raises:
            OSError: the engine can't be asked.
        """
        self._open(request, self._on_create, now_ns)

    def close(self) -> None:
        """Let go of every connection."""
        while self._exchanges:
            self._wire.close(self._exchanges.pop())

    def _open(self, request: Request, handler: Callable[[Exchange, int], None], now_ns: int) -> None:
        exchange = Exchange(request, handler)
        self._exchanges.append(exchange)
        self._wire.open(exchange, now_ns)

    def _close(self, exchange: Exchange) -> None:
        self._wire.close(exchange)
        if exchange in self._exchanges:
            self._exchanges.remove(exchange)

    def _is_over(self, exchange: Exchange, expected: int, now_ns: int) -> bool:
        """Return whether the reply has come as expected; reports to the owner if it can't any more."""
        reply = exchange.reply
        if reply.problem:
            self._close(exchange)
            self._owner.on_problem(self, reply.problem, now_ns)
        elif reply.is_complete:
            self._close(exchange)
            if reply.status == expected:
                return True
            self._owner.on_problem(self, requests.message_of(reply), now_ns)
        return False

    def _on_create(self, exchange: Exchange, now_ns: int) -> None:
        if not self._is_over(exchange, requests.CREATED, now_ns):
            return
        self.container = requests.container_of(exchange.reply)
        if not self.container:
            self._owner.on_problem(self, f"no container's id in {exchange.reply.body!r}", now_ns)
            return
        self._owner.on_created(self, now_ns)

    def attach(self, now_ns: int) -> None:
        """Ask for the output and for the exit; the start comes when both are promised."""
        try:
            self._open(requests.attach(self.container), self._on_attach, now_ns)
            self._open(requests.wait(self.container), self._on_wait, now_ns)
        except OSError as error:
            self._owner.on_no_connection(self, error, now_ns)

    def _start_when_promised(self, now_ns: int) -> None:
        if not (self._is_attached and self._is_waited_for) or self.is_deletion_asked:
            return
        try:
            self._open(requests.start(self.container), self._on_start, now_ns)
        except OSError as error:
            self._owner.on_no_connection(self, error, now_ns)

    def _on_attach(self, exchange: Exchange, now_ns: int) -> None:
        reply = exchange.reply
        if not reply.is_upgraded:
            if reply.problem or reply.is_complete:
                self._is_over(exchange, 0, now_ns)
            return
        if not self._is_attached:
            self._is_attached = True
            self._start_when_promised(now_ns)
        output = self._frames.feed(exchange.stream)
        if output and exchange.descriptor >= 0:  # it may be closed: the start could not be asked for
            self._owner.on_output(self, output, now_ns)
        if reply.problem:  # the stream's end; the exit shows whether the engine ended too
            self._close(exchange)
            self.has_output_ended = True
            if self.has_exited:
                self._owner.on_exit(self, now_ns)

    def _on_wait(self, exchange: Exchange, now_ns: int) -> None:
        reply = exchange.reply
        if not self._is_waited_for and reply.status == requests.OK:
            self._is_waited_for = True
            self._start_when_promised(now_ns)
        if not self._is_over(exchange, requests.OK, now_ns):
            return
        self.exit_status, self.exited_ns = requests.exit_of(reply), now_ns
        if self.exit_status is None:
            self._owner.on_problem(self, requests.message_of(reply), now_ns)
        elif self.is_started:
            self._owner.on_exit(self, now_ns)

    def _on_start(self, exchange: Exchange, now_ns: int) -> None:
        reply = exchange.reply
        if reply.is_complete and reply.status != requests.STARTED:
            self._close(exchange)
            self._owner.on_not_started(self, requests.message_of(reply), now_ns)
        elif self._is_over(exchange, requests.STARTED, now_ns):
            self.is_started = True
            if self.has_exited:
                self._owner.on_exit(self, now_ns)
