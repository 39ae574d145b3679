"""Two clocks side by side: which instant of one an instant of the other is, and whether one was set."""

from __future__ import annotations

import pytest

from pytest_unikernel.host import wall_clock
from pytest_unikernel.host.wall_clock import MOVED_NS, ClockPair, WallClock

S = 1_000_000_000
APART_NS = 1_700_000_000 * S


def clock(*offsets_ns: int) -> WallClock:
    """Return a wall clock that was looked at once a second, with these offsets."""
    made = WallClock()
    made.pairs = [ClockPair(number * S, number * S + offset) for number, offset in enumerate(offsets_ns)]
    return made


def test_an_instant_of_the_wall_clock_is_mapped_by_the_nearest_pair() -> None:
    moved = clock(APART_NS, APART_NS + 500)
    assert moved.monotonic_ns(APART_NS + 5) == 5
    assert moved.monotonic_ns(APART_NS + S + 500 + 7) == S + 7


@pytest.mark.parametrize(
    ("offsets_ns", "moved"),
    [
        ((APART_NS, APART_NS), False),
        ((APART_NS, APART_NS + MOVED_NS), False),
        ((APART_NS, APART_NS + MOVED_NS + 1), True),
        ((APART_NS, APART_NS - S, APART_NS), True),  # set back and forth again
    ],
)
def test_a_clock_that_was_set_has_moved_and_one_that_drifts_has_not(
    offsets_ns: tuple[int, ...], moved: bool
) -> None:
    assert clock(*offsets_ns).has_moved is moved


def test_it_is_looked_at_once_a_second_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr(wall_clock, "monotonic_ns", lambda: now[0])
    monkeypatch.setattr(wall_clock, "unix_ns", lambda: now[0] + APART_NS)
    made = WallClock()
    for now[0] in (S // 2, S, S + 1, 2 * S):
        made.look()
    made.end()
    assert [pair.monotonic_ns for pair in made.pairs] == [0, S, 2 * S, 2 * S]
    assert {pair.offset_ns for pair in made.pairs} == {APART_NS}
