"""The offset of another host's clock, from round trips, with the bound of its error. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ROUND_TRIPS = 16


class RoundTrip(NamedTuple):
    """A question for the time: sent and answered by our clock, read in between by the other."""

    sent_ns: int
    read_ns: int
    answered_ns: int


class Offset(NamedTuple):
    """A clock less ours, and the bound of the error."""

    offset_ns: int = 0
    error_ns: int = 0


def best_offset(trips: Sequence[RoundTrip]) -> Offset:
    """Return the offset by the shortest of round trips: the clock was read somewhere within it.

    Source: RFC 5905, section 8: the error of an offset is at most half of the round trip.
    """
    best = min(trips, key=lambda trip: trip.answered_ns - trip.sent_ns)
    middle_ns = (best.sent_ns + best.answered_ns) // 2
    return Offset(best.read_ns - middle_ns, (best.answered_ns - best.sent_ns + 1) // 2)
