"""Exact bounds on a quantile, from how many of the launches lie beyond a limit. Pure.

Above a million launches beyond it, the exact sum would take seconds; the bound is approximate there, to
1e-6 of probability where it decides.

Each launch is beyond the q-quantile with probability 1 - q, so that the number of them is binomial. It is
compared with the number beyond the limit: that makes no assumption about the distribution of the times. The
launches are taken as independent of each other.

Source: Hahn and Meeker, Statistical Intervals (1991), 5.2: one-sided distribution-free confidence bounds for
a quantile, from order statistics; Clopper and Pearson (1934) for the exact binomial bound.
"""

from __future__ import annotations

import math

CONFIDENCE = 0.95
# A sum of floats may be above 5 % where it is 5 %, as with the one launch that is beyond p95.
DOUBT = (1 - CONFIDENCE) * (1 + 1e-9)
NEGLIGIBLE = 1e-18  # of a sum: further terms change no digit of it
MANY = 1_000_000  # on both sides; a sum has some thousand terms then


def at_most(count: int, launches: int, share: float) -> float:
    """Return the probability that at most ``count`` of the launches are in a share of probability ``share``.

    Source: the sum of C(n, i) p^i (1 - p)^(n - i) for i from 0 to k, from its last term down: each term is
    the one after it times i (1 - p) / ((n - i + 1) p).
    """
    if not 0 <= count < launches:
        return float(count >= launches)
    if min(count, launches - count) > MANY:
        return _at_most_of_many(count, launches, share)
    if count >= launches * share:  # the terms don't shrink yet
        return 1.0 - at_least(count + 1, launches, share)
    total = term = _probability(count, launches, share)
    for i in range(count, 0, -1):
        term *= i * (1 - share) / ((launches - i + 1) * share)
        total += term
        if term <= NEGLIGIBLE * total:  # both may be 0: the first term is no float
            break
    return total


def at_least(count: int, launches: int, share: float) -> float:
    """Return the probability that at least ``count`` are; see :func:`at_most`, of which it is the mirror."""
    return at_most(launches - count, launches, 1 - share)


def _at_most_of_many(count: int, launches: int, share: float) -> float:
    """Return :func:`at_most` by the normal distribution.

    Source: Peizer and Pratt, A normal approximation for binomial, F, beta, and other common, related tail
    probabilities (1968), the refined form.
    """
    below, above, rest = count + 0.5, launches - count - 0.5, 1 - share
    off = below - launches * share
    if off == 0:
        return 0.5
    correction = rest / (count + 1) - share / (launches - count) + (rest - 0.5) / (launches + 1)
    distance = off + 1 / 6 - share / 3 + 0.02 * correction
    deviance = below * math.log(below / (launches * share)) + above * math.log(above / (launches * rest))
    normal = distance / abs(off) * math.sqrt(max(0.0, 2 * deviance / (1 + 1 / (6 * launches))))
    return math.erfc(-normal / math.sqrt(2)) / 2


def _probability(count: int, launches: int, share: float) -> float:
    """Return C(n, k) p^k (1 - p)^(n - k), by logarithms: the factors of 10,000 launches are no floats."""
    ways = math.lgamma(launches + 1) - math.lgamma(count + 1) - math.lgamma(launches - count + 1)
    return math.exp(ways + count * math.log(share) + (launches - count) * math.log1p(-share))


def proves_below(beyond: int, launches: int, q: float) -> bool:
    """Whether so few launches beyond a limit prove that the q-quantile is not above it."""
    return launches > 0 and at_most(beyond, launches, 1 - q) <= DOUBT


def proves_above(beyond: int, launches: int, q: float) -> bool:
    """Whether so many launches beyond a limit prove that the q-quantile is above it."""
    return beyond > 0 and at_least(beyond, launches, 1 - q) <= DOUBT


def launches_needed(q: float, beyond: int = 0) -> int:
    """Return the least number of launches that prove the q-quantile below a limit, with ``beyond`` beyond it.

    With none beyond it is the least n for which q^n <= 5 %: 299 for p99.
    """
    enough = beyond + 1
    while not proves_below(beyond, enough, q):
        enough *= 2
    few = enough // 2
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if proves_below(beyond, middle, q) else (middle, enough)
    return enough
