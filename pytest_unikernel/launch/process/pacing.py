"""The instants at which ports are tried: often while an instance is young, rarer with its age. Pure."""

from __future__ import annotations

import heapq

from pytest_unikernel.launch.deadlines import NEVER_NS
from pytest_unikernel.launch.process.child import Child

# A pause is this part of the instance's age: an error of at most 0.8 % of the service time.
AGE_PARTS = 128
# An instance that takes long is still looked at that often, as a part of the rate while it is young.
SLOWEST = 10


def pause_ns(interval_ns: int, age_ns: int) -> int:
    """Return the pause before the next look at an instance of that age."""
    return min(max(interval_ns, age_ns // AGE_PARTS), SLOWEST * interval_ns)


class Pacing:
    """The instances whose ports are tried, in the order in which they are due.

    Together they are tried at most once every ``budget_ns``, however many they are: the pauses of all are
    stretched alike. So tries never cost the generator more CPU time than those of one instance.
    """

    def __init__(self, budget_ns: int) -> None:
        self._budget_ns = budget_ns
        self._due: list[tuple[int, int]] = []
        self._waiting: dict[int, tuple[int, float, Child]] = {}
        self._tries_per_ns = 0.0

    def add(self, child: Child, now_ns: int, pause_ns: int) -> int:
        """Expect the child's next try; return when it is due."""
        self.discard(child.pid)
        self._tries_per_ns += 1 / pause_ns
        due_ns = now_ns + round(pause_ns * max(1.0, self._tries_per_ns * self._budget_ns))
        self._waiting[child.pid] = due_ns, 1 / pause_ns, child
        heapq.heappush(self._due, (due_ns, child.pid))
        return due_ns

    def discard(self, pid: int) -> None:
        """Forget a child; its entry in the queue is passed over when it comes up."""
        entry = self._waiting.pop(pid, None)
        if entry is not None:
            self._tries_per_ns -= entry[1]
        if not self._waiting:  # also the end of what rounding has left
            self._due.clear()
            self._tries_per_ns = 0.0

    def next_ns(self) -> int:
        """Return when the next try is due."""
        due = self._due
        while due and not self._is_waiting(due[0]):
            heapq.heappop(due)
        return due[0][0] if due else NEVER_NS

    def take(self, now_ns: int) -> Child | None:
        """Return and forget the child that is overdue for longest; None where no try is due."""
        if self.next_ns() > now_ns:
            return None
        _, pid = self._due[0]
        child = self._waiting[pid][2]
        self.discard(pid)
        return child

    def _is_waiting(self, entry: tuple[int, int]) -> bool:
        due_ns, pid = entry
        known = self._waiting.get(pid)
        return known is not None and known[0] == due_ns
