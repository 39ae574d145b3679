"""The offset of a clock is known to within half of the shortest round trip."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.hosts.clocks import Offset, RoundTrip, best_offset

WAYS = st.tuples(st.integers(0, 10**7), st.integers(0, 10**7))


@given(offset=st.integers(-(10**15), 10**15), ways=st.lists(WAYS, min_size=1, max_size=16))
def test_the_true_offset_lies_within_the_error(offset: int, ways: list[tuple[int, int]]) -> None:
    trips = [RoundTrip(at, at + there + offset, at + there + back) for at, (there, back) in enumerate(ways)]
    found = best_offset(trips)
    assert abs(found.offset_ns - offset) <= found.error_ns + 1
    assert found.error_ns == min(there + back + 1 for there, back in ways) // 2


def test_the_shortest_round_trip_counts_and_not_the_last() -> None:
    trips = [RoundTrip(0, 500, 1000), RoundTrip(2000, 7005, 2010), RoundTrip(3000, 9000, 5000)]
    assert best_offset(trips) == Offset(5000, 5)
