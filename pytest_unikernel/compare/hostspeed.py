"""The host's own speed in each trial, and the part of a change that it explains. Pure.

The CPU speed of a shared host varies from minute to minute. Measured on an idle host, the medians of equal
loads had a standard deviation of 4 to 18 %. The time that the generator takes to start a process (spawn time)
is measured with each launch and does not depend on the target; it followed these medians with r = 0.6 to 0.9.
Response times are therefore compared as residuals of a regression on the spawn time (analysis of covariance).
Both runs share one slope, estimated without regard to the run that a trial belongs to. It is limited to 0
(independent of the CPU) ... 1, so the host never explains more of a change than its own speed changed. When
in doubt, the whole change of speed is attributed to the host.

Source: Freedman and Lane, A nonstochastic interpretation of reported significance levels (1983).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

from pytest_unikernel.compare.sides import Side

STEEPEST = 1.0


def speeds(side: Side) -> list[float] | None:
    """Return the logarithm of each trial's spawn time; None if a trial has none."""
    known = side.spawns_s
    if not known or not all(known):
        return None
    return [math.log(spawn_s) for spawn_s in known if spawn_s]


def change(was: Side, now: Side) -> float | None:
    """Return the difference of the runs' median spawn times, on a logarithmic scale; None if unknown."""
    old, new = speeds(was), speeds(now)
    return median(new) - median(old) if old and new else None


def without(
    old: Sequence[float], new: Sequence[float], was: Side, now: Side
) -> tuple[Sequence[float], Sequence[float]]:
    """Return the values by trial, on a logarithmic scale, corrected for the host's speed.

    The values are returned unchanged if the speed of a trial is unknown.
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
