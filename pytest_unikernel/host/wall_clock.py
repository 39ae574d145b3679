"""The host's wall clock against CLOCK_MONOTONIC, while a load runs: pairs of both, and whether they moved."""

from __future__ import annotations

import bisect
import operator
from typing import NamedTuple

from pytest_unikernel.clock import NS_PER_S, monotonic_ns, unix_ns

EVERY_NS = NS_PER_S
# More than NTP's slewing (at most 500 ppm) makes of a load's minute would be noise in a phase.
MOVED_NS = 100_000
_unix_ns = operator.attrgetter("unix_ns")


class ClockPair(NamedTuple):
    """Both clocks at one instant."""

    monotonic_ns: int
    unix_ns: int

    @property
    def offset_ns(self) -> int:
        """Wall clock - CLOCK_MONOTONIC."""
        return self.unix_ns - self.monotonic_ns


def read_clock_pair() -> ClockPair:
    """Read both clocks, one within two readings of the other."""
    before_ns = monotonic_ns()
    wall_ns = unix_ns()
    return ClockPair((before_ns + monotonic_ns()) // 2, wall_ns)


class WallClock:
    """Pairs of both clocks, taken about once a second."""

    def __init__(self) -> None:
        self.pairs = [read_clock_pair()]
        self._by_wall: list[ClockPair] = []

    def look(self) -> None:
        """Take a pair if the last one is a second old."""
        if monotonic_ns() - self.pairs[-1].monotonic_ns >= EVERY_NS:
            self.pairs.append(read_clock_pair())

    def end(self) -> None:
        """Take the last pair."""
        self.pairs.append(read_clock_pair())

    @property
    def has_moved(self) -> bool:
        """Whether the offset between the clocks changed by more than a stamp may be off."""
        offsets_ns = [pair.offset_ns for pair in self.pairs]
        return max(offsets_ns) - min(offsets_ns) > MOVED_NS

    def monotonic_ns(self, wall_ns: int) -> int:
        """Return an instant of the wall clock on CLOCK_MONOTONIC, by the pair that is nearest to it."""
        if len(self._by_wall) != len(self.pairs):
            self._by_wall = sorted(self.pairs, key=_unix_ns)
        at = bisect.bisect(self._by_wall, wall_ns, key=_unix_ns)
        around = self._by_wall[max(0, at - 1) : at + 1]
        nearest = min(around, key=lambda pair: abs(pair.unix_ns - wall_ns))
        return wall_ns - nearest.offset_ns
