"""Samples of one quantity: quantiles with censored values, moments, a compact distribution. Pure."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from pytest_unikernel.plan.statistics import QUANTILES

BUCKET_BASE = 1.02  # neighbouring buckets differ by 2 %, so a value is known to within 1 %

Buckets = list[tuple[int, int]]


@dataclass(frozen=True)
class Summary:
    """A quantity in seconds.

    Attributes:
        n: the number of measured values; ``min``, ``mean``, ``max`` and ``stddev`` cover these.
        censored: the number of further values, known only to be larger; quantiles count them as +∞.
        quantiles: name -> value; None if it falls on a censored value or n is too small.
    """

    n: int
    censored: int
    min: float | None
    mean: float | None
    max: float | None
    stddev: float | None
    quantiles: Mapping[str, float | None]

    def as_json(self) -> dict[str, float | int | None]:
        """Return the summary in the record's form."""
        moments = {"min": self.min, "mean": self.mean, "max": self.max, "stddev": self.stddev}
        return {"n": self.n, "censored": self.censored, **moments, **self.quantiles}

    def __getattr__(self, name: str) -> float | None:
        quantiles = self.__dict__.get("quantiles", {})  # empty while a copy is being made
        try:
            return quantiles[name.replace("_", ".")]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> float | int | None:
        return self.as_json()[name]


def quantile(ordered: Sequence[float], censored: int, q: float) -> float | None:
    """Return the q-quantile of ordered values and ``censored`` further ones at +∞; None is +∞ or no value.

    Source: Hyndman and Fan, Sample Quantiles in Statistical Packages (1996), type 7:
    x[floor(h)] + (h - floor(h)) * (x[floor(h) + 1] - x[floor(h)]) with h = (n - 1) q, from 0.
    """
    n = len(ordered) + censored
    if n == 0:
        return None
    position = (n - 1) * q
    low = math.floor(position)
    fraction = position - low
    high = low + 1 if fraction > 0 else low
    if high >= len(ordered):
        return None
    return ordered[low] + fraction * (ordered[high] - ordered[low])


def enough(n: int, q: float, tail: float = 2.0) -> bool:
    """Return whether n values suffice for a q-quantile: at least ``tail`` of them are expected beyond it."""
    return q <= 0.5 or n * (1 - q) >= tail - 1e-9


def summarize(values_ns: Iterable[int], censored: int = 0) -> Summary:
    """Return the summary, in seconds, of durations in ns."""
    return summarize_ordered(sorted(values_ns), censored)


def summarize_ordered(ordered: Sequence[int], censored: int = 0) -> Summary:
    """Return the summary, in seconds, of sorted durations in ns."""
    n = len(ordered)
    named = {name: named_quantile(ordered, censored, name) for name in QUANTILES}
    if n == 0:
        return Summary(0, censored, None, None, None, None, named)
    mean = sum(ordered) / n
    ends = (_seconds(ordered[0]), _seconds(mean), _seconds(ordered[-1]))
    return Summary(n, censored, *ends, _seconds(_stddev(ordered, mean)), named)


def named_quantile(ordered: Sequence[float], censored: int, name: str) -> float | None:
    """Return a quantile, in seconds, of sorted durations in ns; None is +∞ or too few values."""
    q = QUANTILES[name]
    return _seconds(quantile(ordered, censored, q)) if enough(len(ordered) + censored, q) else None


def _stddev(values: Sequence[int], mean: float) -> float | None:
    """Return the sample standard deviation, with n - 1; None for fewer than two values."""
    if len(values) < 2:
        return None
    apart = [value - mean for value in values]
    return math.sqrt(math.fsum(map(mul, apart, apart)) / (len(values) - 1))


def _seconds(value_ns: float | None) -> float | None:
    return None if value_ns is None else value_ns / 1e9


def bucket_of(value_ns: float) -> int:
    """Return the index of a duration's bucket; the logarithm gives an estimate, the bounds decide."""
    index = 0 if value_ns <= 1 else math.ceil(math.log(value_ns, BUCKET_BASE))
    while value_ns > BUCKET_BASE**index:
        index += 1
    while index > 0 and value_ns <= BUCKET_BASE ** (index - 1):
        index -= 1
    return index


def buckets(ordered: Sequence[int]) -> Buckets:
    """Return sorted durations in ns as (index, count); bucket i holds base^(i-1) < x <= base^i ns.

    Two such lists are merged by adding counts. Bucket 0 holds everything up to 1 ns.
    """
    counted: Buckets = []
    position = 0
    while position < len(ordered):
        index = bucket_of(ordered[position])
        upper = bisect.bisect_right(ordered, BUCKET_BASE**index, lo=position)
        counted.append((index, upper - position))
        position = upper
    return counted
