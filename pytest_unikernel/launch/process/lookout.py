"""Looks at the host's listening ports for all instances that wait for theirs, at once."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.listening import Listening
from pytest_unikernel.launch.process.pacing import pause_ns

# Of the generator's time, looks take one part in so many at most: a host may have thousands of listeners.
COST_PARTS = 5


class Lookout:
    """The instances that were not seen to listen yet, by their ports.

    Attributes:
        looked_ns: when the last look was: no instance that still waits listened then.
        due_ns: when the next is.
    """

    def __init__(self, listening: Listening, interval_ns: int) -> None:
        self._listening = listening
        self._interval_ns = interval_ns
        self._by_port: dict[int, dict[int, Child]] = {}
        self._youngest_ns = self._least_age_ns = 0
        self.looked_ns = 0
        self.due_ns = NEVER_NS

    def add(self, child: Child, port: int, now_ns: int) -> int:
        """Begin to look for the port of a child that was started now; return when the next look is due."""
        self._by_port.setdefault(port, {})[child.pid] = child
        self._youngest_ns = now_ns
        self.due_ns = min(self.due_ns, now_ns + pause_ns(self._interval_ns, self._least_age_ns))
        return self.due_ns

    def discard(self, child: Child, port: int) -> None:
        """Stop looking for the child's port."""
        at_port = self._by_port.get(port)
        if at_port is not None and at_port.pop(child.pid, None) is not None and not at_port:
            del self._by_port[port]
        if not self._by_port:
            self.due_ns = NEVER_NS

    def found(self, child: Child, port: int, age_ns: int) -> None:
        """Note at which age a child's port began to answer: others need no close look long before that."""
        least_ns = age_ns // 2
        self._least_age_ns = min(self._least_age_ns or least_ns, least_ns)
        self.discard(child, port)

    def look(self, now_ns: int) -> Iterator[Child]:
        """Yield the children whose ports are listened on, if a look is due.

        Raises:
            OSError: the kernel gives the list no longer.
        """
        if now_ns < self.due_ns:
            return
        begun_ns = monotonic_ns()
        ports = self._listening.ports()
        seen = [child for port in ports & self._by_port.keys() for child in self._by_port[port].values()]
        yield from seen
        self.looked_ns = begun_ns
        pause = pause_ns(self._interval_ns, max(begun_ns - self._youngest_ns, self._least_age_ns))
        if self._by_port:
            self.due_ns = now_ns + max(pause, COST_PARTS * (monotonic_ns() - begun_ns))

    def close(self) -> None:
        """Close the question's socket."""
        self._listening.close()
