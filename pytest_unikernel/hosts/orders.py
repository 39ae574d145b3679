"""Orders that reach a host's process through its standard input, and the lease that it lives by."""

from __future__ import annotations

import os
import select
import signal
from collections import deque

from pytest_unikernel.clock import monotonic_ns, nanoseconds
from pytest_unikernel.hosts import frames
from pytest_unikernel.hosts.frames import Frame, Unpacker
from pytest_unikernel.run.interrupts import Interrupts

LEASE_NS = nanoseconds(frames.LEASE_S)
LOOK_EVERY_NS = 100_000_000


class Orders(Interrupts):
    """The interrupts of a process that a worker started: a load ends when it is told so or left alone.

    The worker passes a renewal on every second. Without one for five seconds, or with the pipe closed,
    the run is gone: pytest or the worker was killed, or the network between them is cut.

    Attributes:
        gone: nobody is there any more.
        leaving: the process was asked to end.
    """

    def __init__(self, descriptor: int) -> None:  # no pipe of our own, no handlers
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.requested = 0
        self.gone = self.leaving = False
        self._unpacker = Unpacker()
        self._trials: deque[bytes] = deque()
        self._begin_at_ns: int | None = None
        self._next_look_ns = 0
        self._lapses_ns = monotonic_ns() + LEASE_NS

    def asked(self) -> bool:
        """Return whether the load is to end."""
        now_ns = monotonic_ns()
        if now_ns >= self._next_look_ns:
            self.drain(now_ns)
        return self.requested != 0

    def drain(self, now_ns: int) -> None:
        """Take all orders that have come; a handler for the supervisor's loop."""
        self._next_look_ns = now_ns + LOOK_EVERY_NS
        while not self.gone and (data := self._read()) is not None:
            for frame in self._unpacker.feed(data):
                self._obey(frame, now_ns)
            if not data:
                self._is_gone()
        if now_ns > self._lapses_ns:
            self._is_gone()

    def _read(self) -> bytes | None:
        """Return what has come, nothing at the end, None if there is nothing now."""
        try:
            return os.read(self.descriptor, 1 << 20)
        except BlockingIOError:
            return None

    def _is_gone(self) -> None:
        self.gone = True
        self.requested = self.requested or signal.SIGHUP

    def _obey(self, frame: Frame, now_ns: int) -> None:
        self._lapses_ns = now_ns + LEASE_NS
        if frame.kind == frames.TRIAL:
            self._trials.append(frame.body)
        elif frame.kind == frames.GO:
            self._begin_at_ns = frame.value
        elif frame.kind == frames.STOP:
            self.requested = frame.value
        elif frame.kind == frames.LEAVE:
            self.leaving = True

    def next_trial(self) -> bytes | None:
        """Wait for the next request; None when it is time to end."""
        while not (self._trials or self.leaving or self.gone):
            self._wait()
        self.requested, self._begin_at_ns = 0, None
        return self._trials.popleft() if self._trials and not self.gone else None

    def begin_at_ns(self) -> int | None:
        """Wait for the instant at which to begin; None if the load is to end instead."""
        while self._begin_at_ns is None and not self.requested:
            self._wait()
        return self._begin_at_ns

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        poll.poll(LOOK_EVERY_NS / 1e6)
        self.drain(monotonic_ns())
