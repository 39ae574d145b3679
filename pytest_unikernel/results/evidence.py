"""The reason of a judgement on a metric, as data."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from pytest_unikernel.results.comparable import Difference


class Cause(Enum):
    """The reason of a judgement, or of a test that was not made; comments list the fields of :class:`Why`."""

    # The metric was tested, or the verdicts alone decide.
    NOISE = auto()  # the change is within the noise
    VERDICT_CHANGED = auto()  # the verdicts before and now
    MISSING_BEFORE = auto()  # only the later run has the step
    # The metric could not be tested: evidence is missing.
    FEW_TRIALS = auto()  # figures: the smaller number of trials, the number needed
    FEW_LAUNCHES = auto()
    VERDICT = auto()  # the verdict of a side, which says nothing about the metric
    BEYOND_TIMEOUT = auto()
    NOT_RECORDED = auto()
    SATURATED = auto()  # in both runs
    OTHER_WORK = auto()  # figures: CPU time of others now and before, in per cent
    HOST_SPEED = auto()  # figure: increase of the spawn time, in per cent
    # The two runs measured different things.
    CONDITIONS = auto()  # the conditions that differ
    MEANS_ONLY = auto()  # one side has no quantiles
    NO_VERDICT = auto()  # one side is imported
    NO_COMMON_STEP = auto()


class Why(NamedTuple):
    """The reason of a judgement; :class:`Cause` lists the fields that each cause has."""

    cause: Cause
    figures: tuple[float, ...] = ()
    verdicts: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
