"""By how much two groups of trials differ, and within which bounds: distribution-free. Pure.

Source: Hodges and Lehmann, Estimates of Location Based on Rank Tests (1963): the median of all differences;
its confidence interval by inverting the exact rank-sum test (Mann and Whitney, 1947).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import median
from typing import NamedTuple

CONFIDENCE = 0.95


class Shift(NamedTuple):
    """A difference, and the bounds it lies within with at least ``CONFIDENCE``."""

    estimate: float
    low: float
    high: float


def shift(old: Sequence[float], new: Sequence[float]) -> Shift:
    """Return by how much the new values are larger."""
    apart = sorted(later - earlier for later in new for earlier in old)
    cut = _cut(len(old), len(new))
    return Shift(median(apart), apart[cut], apart[-1 - cut])


@cache
def _cut(old: int, new: int) -> int:
    """Return how many of the ordered differences lie beyond each bound.

    The bound is the C-th difference, with C the most for which the rank-sum statistic U is below C with a
    probability of at most half of what the confidence leaves; the first, where even that is too much.
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
    """Return in how many orders U has each of its values 0 ... old * new: the Gaussian binomial's terms."""
    terms = [1] + [0] * (old * new)
    for k in range(1, min(old, new) + 1):
        larger = max(old, new) + k
        for power in range(old * new, larger - 1, -1):
            terms[power] -= terms[power - larger]
        for power in range(k, old * new + 1):
            terms[power] += terms[power - k]
    return terms
