"""Which instance's time is up next. All limits of a kind are equal, so the oldest is always first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from pytest_unikernel.child import Child

NEVER_NS = 1 << 62


class Limit:
    """Children that must have ended within a fixed time; every operation costs the same at any number."""

    def __init__(self, duration_ns: int) -> None:
        self._duration_ns = duration_ns
        self._due: OrderedDict[int, tuple[int, Child]] = OrderedDict()

    def add(self, child: Child, from_ns: int) -> int:
        """Give the child its time from an instant not before those given earlier; return when it is up."""
        due_ns = from_ns + self._duration_ns
        self._due[child.pid] = (due_ns, child)
        return due_ns

    def discard(self, child: Child) -> None:
        """Forget the child."""
        if self._due:
            self._due.pop(child.pid, None)

    def next_ns(self) -> int:
        """Return when the next child's time is up."""
        return next(iter(self._due.values()))[0] if self._due else NEVER_NS

    def expired(self, now_ns: int) -> Iterator[Child]:
        """Yield and forget the children whose time is up."""
        while self._due and next(iter(self._due.values()))[0] <= now_ns:
            yield self._due.popitem(last=False)[1][1]
