"""The host's own speed in each trial, and the part of a change that it explains. Pure.

The CPU speed of a shared host varies from minute to minute. Measured on an idle host, the medians of equal
loads had a standard deviation of 4 to 18 %. The time that the generator takes to start a process (spawn time)
is measured with each launch and does not depend on the target; it followed these medians with r = 0.6 to 0.9.
Response times are therefore corrected by a regression on the spawn time (analysis of covariance). All steps
and both runs of a series share one slope. It comes from the trials within each run only
(:mod:`.sensitivity`): a slope from the difference between the runs would take a change of the target for a
change of the host.

Source: Fisher, Statistical Methods for Research Workers, 4th edition (1932), section 49.1: the slope within
groups, and the error that it adds to a difference of adjusted means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median
from typing import NamedTuple

from pytest_unikernel.compare.questions import Question
from pytest_unikernel.compare.sensitivity import Sensitivity, Trials, sensitivity
from pytest_unikernel.compare.sides import Side


class Asked(NamedTuple):
    """A question about one step, and the sides that it is about."""

    question: Question
    was: Side
    now: Side


def corrected(asked: Sequence[Asked]) -> list[Question]:
    """Return one metric's questions, one per step of a series, corrected for the host's speed.

    A question stays as measured if the speed of a trial is unknown.
    """
    found = sensitivity(group for each in asked for group in _groups(each) or ())
    return [_without(each, found) for each in asked]


def _groups(asked: Asked) -> tuple[Trials, Trials] | None:
    """Return the trials of both runs; None where there is nothing to correct, or nothing to do it by."""
    before, after = asked.was.speeds, asked.now.speeds
    old, new = asked.question.old, asked.question.new
    if before is None or after is None or not old or (len(before), len(after)) != (len(old), len(new)):
        return None
    return Trials(before, old), Trials(after, new)


def _without(asked: Asked, found: Sensitivity) -> Question:
    question, groups = asked.question, _groups(asked)
    measured = (question.old, question.new) if question.old else None
    if groups is None or not found.slope:
        return replace(question, measured=measured, sensitivity=None if groups is None else 0.0)
    middle = fmean([*groups[0].speeds, *groups[1].speeds])
    old, new = (
        [value - found.slope * (speed - middle) for speed, value in zip(*each, strict=True)]
        for each in groups
    )
    apart = abs(median(groups[1].speeds) - median(groups[0].speeds))
    error = found.error * apart
    return replace(question, old=old, new=new, measured=measured, sensitivity=found.slope, slope_error=error)
