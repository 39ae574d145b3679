"""A trial of too many launches to send: exact counts and moments, histograms, some of its rows. Pure.

Digests of several hosts are merged by adding. Each value counts as the middle of its bucket, so a quantile of
any number of merged digests is off by at most :data:`LARGEST_ERROR` of itself, and 1 ns.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import overload

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.summary import BUCKET_BASE, Buckets, Summary, buckets, named_quantile
from pytest_unikernel.results.trial import Trial, in_flight_max
from pytest_unikernel.results.verdict import Judged, verdict

# A value x lies in (base^(i-1), base^i]; the geometric middle lies from x / sqrt(base) to x * sqrt(base).
LARGEST_ERROR = math.sqrt(BUCKET_BASE) - 1


@dataclass(frozen=True)
class Times:
    """A quantity of launches, in ns; the moments are exact."""

    n: int
    total: int
    squares: int
    least: int
    most: int
    counted: Buckets


@dataclass(frozen=True)
class Digest:
    """The figures of a trial, each of all its launches.

    Attributes:
        launches: all rows of the log, the warm-up's too.
        every: one of so many rows came along in the trial.
        in_flight_max: as in the record.
        judged: the verdict on all of its launches.
    """

    launches: int
    every: int
    counts: Counter[Outcome]
    started_in_window: int
    completed_in_window: int
    in_flight_max: int
    judged: Judged
    response: Times
    service: Times
    lateness: Times


class Middles(Sequence[float]):
    """The ordered values of a histogram, each the middle of its bucket, from the least to the most."""

    def __init__(self, times: Times) -> None:
        self._ends = list(accumulate(count for _, count in times.counted))
        self._values = [_middle(index, times.least, times.most) for index, _ in times.counted]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, at: int) -> float: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[float]: ...
    def __getitem__(self, at: int | slice) -> float | Sequence[float]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self._values[bisect_right(self._ends, at)]


def _middle(index: int, least: int, most: int) -> float:
    return float(min(max(BUCKET_BASE ** (index - 0.5), least), most))


def times_of(ordered_ns: Sequence[int]) -> Times:
    """Return the digest of sorted durations."""
    ends = (ordered_ns[0], ordered_ns[-1]) if ordered_ns else (0, 0)
    squares = sum(value * value for value in ordered_ns)
    return Times(len(ordered_ns), sum(ordered_ns), squares, *ends, buckets(ordered_ns))


def merged(parts: Iterable[Times]) -> Times:
    """Return the digest of all launches."""
    known = [each for each in parts if each.n]
    counted: Counter[int] = Counter()
    for each in known:
        counted.update(dict(each.counted))
    return Times(
        sum(each.n for each in known),
        sum(each.total for each in known),
        sum(each.squares for each in known),
        min((each.least for each in known), default=0),
        max((each.most for each in known), default=0),
        sorted(counted.items()),
    )


def summary(times: Times, censored: int = 0) -> Summary:
    """Return the summary, in seconds: exact moments, quantiles of the histogram."""
    middles: Sequence[float] = Middles(times)
    named = {name: named_quantile(middles, censored, name) for name in QUANTILES}
    if not times.n:
        return Summary(0, censored, None, None, None, None, named)
    ends = (times.least / 1e9, times.total / times.n / 1e9, times.most / 1e9)
    return Summary(times.n, censored, *ends, _stddev(times), named)


def _stddev(times: Times) -> float | None:
    """Return the sample standard deviation in seconds; exact integers, so that nothing cancels."""
    if times.n < 2:
        return None
    return math.sqrt((times.n * times.squares - times.total**2) / (times.n * (times.n - 1))) / 1e9


def digest(trial: Trial, every: int = 1) -> Digest:
    """Return the digest of a trial of which one of ``every`` rows is sent."""
    return Digest(
        len(trial.log),
        every,
        trial.counts(),
        trial.started_in_window,
        trial.completed_in_window,
        in_flight_max(trial),
        verdict(trial),
        times_of(trial.ordered_response_ns),
        times_of(sorted(trial.service_ns())),
        times_of(trial.ordered_lateness_ns),
    )


def thinned(trial: Trial, every: int) -> Trial:
    """Return a trial with one of ``every`` rows of its log, and with the rows whose output is known."""
    log = trial.log
    rows = sorted({*range(0, len(log), every), *log.tails})
    kept = LaunchLog()
    for name, value in vars(log).items():
        if isinstance(value, array):
            setattr(kept, name, array(value.typecode, map(value.__getitem__, rows)))
        elif isinstance(value, dict):
            setattr(kept, name, {row: value[old] for row, old in enumerate(rows) if old in value})
        else:
            setattr(kept, name, value)
    kept._length = len(rows)  # noqa: SLF001 - a log of some of the rows of another
    cohort = range(bisect_left(rows, trial.rows.start), bisect_left(rows, trial.rows.stop))
    return replace(trial, log=kept, rows=cohort)
