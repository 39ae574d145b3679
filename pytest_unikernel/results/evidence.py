"""The reason of a judgement on a metric, as data."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from pytest_unikernel.results.comparable import Difference


class Cause(Enum):
    """Why a metric is judged as it is, or why it was not tested; with what :class:`Why` has beside it."""

    # The metric was tested, or its end alone tells.
    NOISE = auto()  # the change is within the noise
    VERDICT_CHANGED = auto()  # the verdicts before and now
    MISSING_BEFORE = auto()  # only the later run has the step
    # It could not be tested: evidence is missing.
    FEW_TRIALS = auto()  # figure: the trials of the side that has fewer
    FEW_LAUNCHES = auto()
    VERDICT = auto()  # the verdict of a side, which says nothing of the metric
    BEYOND_TIMEOUT = auto()
    NOT_RECORDED = auto()
    SATURATED = auto()  # in both runs
    OTHER_WORK = auto()  # figures: per cent of the CPU time that others had now, and before
    HOST_SPEED = auto()  # figure: by how many per cent longer a start of a process took
    # The two runs don't measure the same.
    CONDITIONS = auto()  # the conditions that differ
    MEANS_ONLY = auto()  # one side has no quantiles
    NO_VERDICT = auto()  # one side is imported
    NO_COMMON_STEP = auto()


class Why(NamedTuple):
    """Why a metric is judged as it is; see :class:`Cause` for what stands beside which cause."""

    cause: Cause
    figures: tuple[float, ...] = ()
    verdicts: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
