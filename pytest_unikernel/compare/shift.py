"""The shift between two groups of trials with a confidence interval: distribution-free. Pure.

Source: Hodges and Lehmann, Estimates of Location Based on Rank Tests (1963): the median of all differences;
its confidence interval by inverting the exact rank-sum test (Mann and Whitney, 1947).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import median
from typing import NamedTuple

from pytest_unikernel.results.walsh import CONFIDENCE


class Shift(NamedTuple):
    """A shift, and its confidence interval at a level of at least ``CONFIDENCE``."""

    estimate: float
    low: float
    high: float


def shift(old: Sequence[float], new: Sequence[float]) -> Shift:
    """Return the shift from the old values to the new ones; positive if the new values are larger."""
    apart = sorted(later - earlier for later in new for earlier in old)
    cut = _cut(len(old), len(new))
    return Shift(median(apart), apart[cut], apart[-1 - cut])


@cache
def _cut(old: int, new: int) -> int:
    """Return the number of ordered differences beyond each bound.

    The bound is the C-th difference. C is the largest number for which P(U < C) <= (1 - CONFIDENCE) / 2, with
    the rank-sum statistic U; it is at least 1.
    """
    allowed = (1 - CONFIDENCE) / 2 * math.comb(old + new, old)
    ways, values = 0, 0
    for count in _rank_sums(old, new):
        ways += count
        if ways > allowed:
            break
        values += 1
    return max(0, values - 1)


def _rank_sums(old: int, new: int) -> list[int]:
    """Return the number of orders for each value 0 ... old * new of U: the Gaussian binomial's terms."""
    terms = [1] + [0] * (old * new)
    for k in range(1, min(old, new) + 1):
        larger = max(old, new) + k
        for power in range(old * new, larger - 1, -1):
            terms[power] -= terms[power - larger]
        for power in range(k, old * new + 1):
            terms[power] += terms[power - k]
    return terms
