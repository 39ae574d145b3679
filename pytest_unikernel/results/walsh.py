"""The location of a sample with its confidence interval, by Wilcoxon's signed ranks. Pure.

Source: Hodges and Lehmann, Estimates of Location Based on Rank Tests (1963): the median of the averages of
all pairs (Walsh averages); its interval by inverting the exact signed-rank test (Wilcoxon, 1945).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations_with_replacement
from statistics import median
from typing import NamedTuple

CONFIDENCE = 0.95


class Location(NamedTuple):
    """The estimate, and the bounds of its interval: of six values and more at ``CONFIDENCE`` at least."""

    estimate: float
    low: float
    high: float


def location(values: Sequence[float]) -> Location:
    """Return the location of values that lie symmetrically around it."""
    averages = sorted((one + other) / 2 for one, other in combinations_with_replacement(values, 2))
    cut = _cut(len(values))
    return Location(median(averages), averages[cut], averages[-1 - cut])


@cache
def _cut(count: int) -> int:
    """Return the number of ordered averages beyond each bound.

    The bound is the C-th average. C is the largest number for which P(W < C) <= (1 - CONFIDENCE) / 2, with
    the signed-rank statistic W; it is at least 1.
    """
    allowed = (1 - CONFIDENCE) / 2 * 2**count
    ways, values = 0, 0
    for each in _rank_sums(count):
        ways += each
        if ways > allowed:
            break
        values += 1
    return max(0, values - 1)


def _rank_sums(count: int) -> list[int]:
    """Return the number of sign vectors for each value of the signed-rank statistic."""
    most = count * (count + 1) // 2
    terms = [1] + [0] * most
    for rank in range(1, count + 1):
        for power in range(most, rank - 1, -1):
            terms[power] += terms[power - rank]
    return terms
