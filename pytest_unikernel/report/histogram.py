"""A record's distribution as numbers to draw: a density, cumulated shares, single launches. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.results.summary import BUCKET_BASE

STEP = 0.02  # of a curve of shares: half a pixel or so
ENOUGH = 30  # launches below which a smooth curve would show its bandwidth, not the launches
BUCKET = math.log(BUCKET_BASE)
FURTHEST = 70.0  # on a natural log scale; 30 orders of magnitude from a second no time is a measured one
CURVE_POINTS, TAILS = 32, 3.0  # points of a curve; the bandwidths by which it goes beyond the launches


class Histogram(NamedTuple):
    """Durations on a log scale, in bins as wide as a record's buckets.

    Attributes:
        logs: the natural logarithms of the bins' middles, in seconds, ascending.
        counts: the launches in each.
        censored: further launches, known only to have taken longer.
    """

    logs: Sequence[float]
    counts: Sequence[int]
    censored: int

    @property
    def n(self) -> int:
        """The number of measured launches."""
        return sum(self.counts)

    def singles_s(self) -> Iterator[float]:
        """Yield each launch's duration, to within 1 %."""
        for place, count in zip(self.logs, self.counts, strict=True):
            yield from [math.exp(place)] * count

    def shares(self) -> Iterator[tuple[float, float]]:
        """Yield (seconds, share of all launches that took no longer), from 0 on.

        Steps below ``STEP`` are joined. Censored launches are among all: the last share is below 1 then.
        """
        whole, last, n = self.n + self.censored, 0.0, self.n
        yield math.exp(self.logs[0] - BUCKET / 2), 0.0
        for place, below in zip(self.logs, accumulate(self.counts), strict=True):
            if below / whole - last >= STEP or below == n:
                last = below / whole
                yield math.exp(place + BUCKET / 2), last

    def density(self) -> list[tuple[float, float]]:
        """Return (seconds, share of the highest density) of a smooth curve over the log scale.

        A Gaussian kernel; its bandwidth follows from the launches, by the same rule for every load.
        """
        width = self.bandwidth()
        first, last = self.logs[0] - TAILS * width, self.logs[-1] + TAILS * width
        places = [first + (last - first) * each / (CURVE_POINTS - 1) for each in range(CURVE_POINTS)]
        heights = [self._height(place, width) for place in places]
        highest = max(heights)
        return [(math.exp(place), each / highest) for place, each in zip(places, heights, strict=True)]

    def _height(self, place: float, width: float) -> float:
        near = zip(self.logs, self.counts, strict=True)
        return sum(count * math.exp(-(((place - each) / width) ** 2) / 2) for each, count in near)

    def bandwidth(self) -> float:
        """Return the kernel's width: 0.9 min(deviation, interquartile range / 1.34) n^(-1/5), at least a bin.

        Source: Silverman, Density Estimation for Statistics and Data Analysis (1986), equation 3.31.
        """
        mean = math.fsum(place * count for place, count in zip(self.logs, self.counts, strict=True)) / self.n
        squares = sum(
            count * (place - mean) ** 2 for place, count in zip(self.logs, self.counts, strict=True)
        )
        quartiles = (self._quantile(0.75) - self._quantile(0.25)) / 1.34
        deviation = math.sqrt(squares / self.n)
        return max(BUCKET, 0.9 * min(deviation, quartiles or deviation) * math.pow(self.n, -0.2))

    def _quantile(self, share: float) -> float:
        pairs = zip(self.logs, accumulate(self.counts), strict=True)
        return next(place for place, below in pairs if below >= share * self.n)


def histogram(load: ReportedLoad, quantity: str = "response_time_s") -> Histogram | None:
    """Return a load's distribution of a quantity; None where the record has none that can be drawn."""
    base, unit_s = load.positive("distribution", "base"), load.positive("distribution", "unit_s")
    if base is None or unit_s is None or base <= 1:
        return None
    counted: Counter[int] = Counter()
    for index, count in load.mapping("distribution").get(quantity) or ():
        place = math.log(unit_s) + (index - 0.5) * math.log(base)
        if count and abs(place) < FURTHEST:
            counted[round((place - math.log(unit_s)) / BUCKET - 0.5)] += count
    bins = sorted(counted)
    logs = [math.log(unit_s) + (each + 0.5) * BUCKET for each in bins]
    censored = int(load.number("distribution", "censored") or 0)
    return Histogram(logs, [counted[each] for each in bins], censored) if bins else None
