"""A deadline queue: every entry has the same duration, so the oldest expires first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Limited = TypeVar("Limited", bound=Hashable)

NEVER_NS = 1 << 62


class DeadlineQueue(Generic[Limited]):
    """A queue of entries with the same duration: the oldest expires first. All operations are O(1)."""

    def __init__(self, duration_ns: int) -> None:
        self._duration_ns = duration_ns
        self._due: OrderedDict[Limited, int] = OrderedDict()

    def add(self, limited: Limited, from_ns: int) -> int:
        """Give it its time from an instant not before those given earlier; return when it is up."""
        due_ns = from_ns + self._duration_ns
        self._due[limited] = due_ns
        return due_ns

    def discard(self, limited: Limited) -> None:
        """Forget it."""
        if self._due:
            self._due.pop(limited, None)

    def next_ns(self) -> int:
        """Return when the next one's time is up."""
        return next(iter(self._due.values())) if self._due else NEVER_NS

    def expired(self, now_ns: int) -> Iterator[Limited]:
        """Yield and forget those whose time is up."""
        while self._due and next(iter(self._due.values())) <= now_ns:
            yield self._due.popitem(last=False)[0]
