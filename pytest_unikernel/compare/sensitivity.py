"""How far a figure follows the host's speed, as the trials of a run show by themselves. Pure.

The trials of one step in one run measure the same thing, so only the host can have made both their figure
and the generator's starts of a process longer. The sensitivity is the slope of the figure's logarithm over
that of the starts, from each trial's distance to the mean of its own run and step: a change of the target, at
one step or at all, plays no part in it.

The sensitivity is 0 unless its 95 % interval lies above 0. Above that it is shrunk by the part that the
interval leaves in doubt, and never more than 1. The standard error is by each trial's distance from what the
others predict, so that a single disturbed trial shows nothing. Noise in the starts makes the slope smaller
than it is (attenuation by errors in variables). That isn't made up for: it errs to the figure as measured.

Source: Fisher, Statistical Methods for Research Workers, 4th edition (1932), section 49.1 (the slope within
groups); MacKinnon and White, Some heteroskedasticity-consistent covariance matrix estimators (1985), HC3,
recommended below 250 observations by Long and Ervin (2000); Breiman, Better subset regression using the
nonnegative garrote (1995) (the shrinkage); Abramowitz and Stegun, 26.7.5 (Student's t).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist, fmean
from typing import NamedTuple

from pytest_unikernel.results.walsh import CONFIDENCE

STEEPEST = 1.0
DEVIATIONS = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
# Standard deviation of the starts' logarithm between the trials of a run. Below it the starts' own scatter is
# more than what the host does: medians of some hundred starts on a quiet host repeat within 1 %.
LEAST_SPREAD = 0.01
LEAST_FREEDOM = 5  # below it Student's t by its expansion is off by more than 1 %


class Trials(NamedTuple):
    """The trials of one step in one run, on logarithmic scales; as many of both."""

    speeds: Sequence[float]
    values: Sequence[float]


class Sensitivity(NamedTuple):
    """By how much a figure grows with the duration of the generator's starts, both as logarithms.

    Attributes:
        slope: what may be corrected by; 0 unless the trials show it.
        error: the slope's standard error and what it was shrunk by; 0 where nothing is corrected.
    """

    slope: float
    error: float


NONE = Sensitivity(0.0, 0.0)


class _Point(NamedTuple):
    """A trial's distances from the mean of its group."""

    speed: float
    value: float
    group: int  # the number of trials in it


def sensitivity(groups: Iterable[Trials]) -> Sensitivity:
    """Return how far a figure follows the host's speed by the trials within each group."""
    known = [each for each in groups if len(each.values) > 1]
    points = [point for each in known for point in _points(each)]
    freedom = len(points) - len(known) - 1
    square = math.fsum(each.speed**2 for each in points)
    if freedom < LEAST_FREEDOM or square < (freedom + 1) * LEAST_SPREAD**2:
        return NONE
    steep = math.fsum(each.speed * each.value for each in points) / square
    error = _error(points, steep, square)
    reach = _student(freedom) * error
    if steep <= reach:
        return NONE
    slope = min(steep * (1 - (reach / steep) ** 2), STEEPEST)
    return Sensitivity(slope, math.hypot(error, max(0.0, min(steep, STEEPEST) - slope)))


def _points(trials: Trials) -> list[_Point]:
    speed, value, count = fmean(trials.speeds), fmean(trials.values), len(trials.values)
    return [
        _Point(each - speed, other - value, count)
        for each, other in zip(trials.speeds, trials.values, strict=True)
    ]


def _error(points: Sequence[_Point], slope: float, square: float) -> float:
    """Return the slope's standard error: HC3, by the residual of each trial from a fit without it."""
    parts = (
        each.speed * (each.value - slope * each.speed) / _left(1 - 1 / each.group - each.speed**2 / square)
        for each in points
    )
    return math.hypot(*parts) / square


def _left(share: float) -> float:
    """Return the share of a trial that the others predict; not quite nothing of one that stands alone."""
    return max(share, 1e-9)


def _student(freedom: int) -> float:
    """Return the quantile of Student's t that ``CONFIDENCE`` lies within."""
    z = DEVIATIONS
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
