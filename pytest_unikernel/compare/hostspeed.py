"""The host's own speed in each trial, and what of a change goes with it. Pure.

On a shared host the CPU isn't the same from one minute to the next. Tried on an idle one, the medians of
equal loads had a standard deviation of 4 to 18 %, and what the generator's own starts of a process took,
timed with each launch and independent of what is launched, followed them with r = 0.6 to 0.9. So response
times are compared without what goes with that: the residuals of a regression on it (analysis of covariance).
There is one slope for both runs, found without regard to which run a trial is of, from 0 (what doesn't depend
on the CPU) to 1: the host is given no more of a change than its own speed changed, and in doubt that much.

Source: Freedman and Lane, A nonstochastic interpretation of reported significance levels (1983).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

from pytest_unikernel.compare.sides import Side

STEEPEST = 1.0


def speeds(side: Side) -> list[float] | None:
    """Return the logarithm of what a start of a process took in each trial; None unless all know it."""
    known = side.spawns_s
    if not known or not all(known):
        return None
    return [math.log(spawn_s) for spawn_s in known if spawn_s]


def change(was: Side, now: Side) -> float | None:
    """Return by how much longer a start of a process took, on a logarithmic scale; None if unknown."""
    old, new = speeds(was), speeds(now)
    return median(new) - median(old) if old and new else None


def without(
    old: Sequence[float], new: Sequence[float], was: Side, now: Side
) -> tuple[Sequence[float], Sequence[float]]:
    """Return values by trial, on a logarithmic scale, without what goes with the host's speed.

    Where that isn't known of every trial they are returned as they are.
    """
    before, after = speeds(was), speeds(now)
    if before is None or after is None or (len(before), len(after)) != (len(old), len(new)):
        return old, new
    middle = fmean([*before, *after])
    slope = _slope([*before, *after], [*old, *new])
    return tuple(
        [value - slope * (speed - middle) for value, speed in zip(values, speeds_, strict=True)]
        for values, speeds_ in ((old, before), (new, after))
    )  # type: ignore[return-value]


def _slope(speeds_: Sequence[float], values: Sequence[float]) -> float:
    middle, level = fmean(speeds_), fmean(values)
    square = math.fsum((speed - middle) ** 2 for speed in speeds_)
    both = math.fsum((speed - middle) * (value - level) for speed, value in zip(speeds_, values, strict=True))
    return min(max(both / square, 0.0), STEEPEST) if square else 0.0
