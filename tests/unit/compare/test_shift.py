"""The shift between two groups: the estimate, and bounds that cover as often as they claim."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_unikernel.compare.shift import _rank_sums, shift

SIDE = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8)


def counted(old: int, new: int) -> list[int]:
    """Return the result of ``_rank_sums`` by enumerating all orders."""
    ways = [0] * (old * new + 1)
    for places in combinations(range(old + new), new):
        ways[sum(places) - new * (new - 1) // 2] += 1
    return ways


@pytest.mark.parametrize(("old", "new"), [(1, 1), (2, 3), (5, 5), (4, 7), (7, 4)])
def test_orders_are_counted_exactly(old: int, new: int) -> None:
    assert _rank_sums(old, new) == counted(old, new)


def test_of_five_and_five_the_third_differences_from_the_ends_are_the_bounds() -> None:
    """R's wilcox.test(conf.int = TRUE) gives the same bounds; their confidence is 96.8 %."""
    old, new = [1.0, 2.0, 3.0, 4.0, 5.0], [10.1, 20.2, 30.4, 40.8, 51.6]
    apart = sorted(b - a for a in old for b in new)
    assert shift(old, new) == (apart[12], apart[2], apart[-3])


def test_a_shift_of_everything_is_found_exactly() -> None:
    values = [0.3, 0.1, 0.2, 0.5, 0.4]
    found = shift(values, [value + 7 for value in values])
    assert found.estimate == pytest.approx(7)
    assert found.low <= 7 <= found.high


def test_the_bounds_hold_the_truth_as_often_as_they_say() -> None:
    rng = random.Random(1)  # noqa: S311 - reproducible on purpose
    held = 0
    for _ in range(2000):
        found = shift([rng.gauss(0, 1) for _ in range(6)], [rng.gauss(0.7, 1) for _ in range(5)])
        held += found.low <= 0.7 <= found.high
    assert held >= 0.94 * 2000


@given(old=SIDE, new=SIDE)
def test_the_estimate_lies_within_its_bounds(old: list[float], new: list[float]) -> None:
    found = shift(old, new)
    assert all(one <= other for one, other in pairwise([found.low, found.estimate, found.high]))
    back = shift(new, old)
    assert (back.low, back.estimate, back.high) == (-found.high, -found.estimate, -found.low)
