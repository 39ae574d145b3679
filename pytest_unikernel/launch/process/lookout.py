"""Looks at the host's listening ports for all instances that wait for theirs, at once."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.listening import Listening
from pytest_unikernel.launch.process.pacing import SLOWEST, pause_ns

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
        self._begun_ns: dict[int, int] = {}
        self._least_age_ns = 0
        self.looked_ns = 0
        self.due_ns = NEVER_NS

    def is_listed(self, port: int) -> bool:
        """Whether the port is listened on now, on whatever address.

        Raises:
            OSError: the kernel gives the list no longer.
        """
        return port in self._listening.ports()

    def add(self, child: Child, port: int, now_ns: int) -> int:
        """Begin to look for the port of a child that was started now; return when the next look is due."""
        self._by_port.setdefault(port, {})[child.pid] = child
        self._begun_ns[child.pid] = now_ns
        self.due_ns = min(self.due_ns, now_ns + self._pause_ns(now_ns))
        return self.due_ns

    def discard(self, child: Child, port: int) -> None:
        """Stop looking for the child's port."""
        self._begun_ns.pop(child.pid, None)
        at_port = self._by_port.get(port)
        if at_port is not None and at_port.pop(child.pid, None) is not None and not at_port:
            del self._by_port[port]
        if not self._by_port:
            self.due_ns = NEVER_NS

    def found(self, child: Child, port: int, age_ns: int) -> None:
        """Note at which age a child's port began to answer: others need no close looks before half of it."""
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
        if self._by_port:
            cost_ns = monotonic_ns() - begun_ns
            self.due_ns = now_ns + max(self._pause_ns(now_ns), COST_PARTS * cost_ns)

    def _pause_ns(self, now_ns: int) -> int:
        """Return the pause before the next look: long while all are much younger than any that was found."""
        begun_ns = self._begun_ns.values()
        if now_ns - next(iter(begun_ns)) < self._least_age_ns:
            return SLOWEST * self._interval_ns
        return pause_ns(self._interval_ns, max(now_ns - next(reversed(begun_ns)), self._least_age_ns))

    def close(self) -> None:
        """Close the question's socket."""
        self._listening.close()
