"""Steps of a series that are not run, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction


class SkipCause(Enum):
    """Why a step, or the search for the knee, is not run."""

    SLOWER_NOT_OK = auto()  # a step: the series has ended at a slower one
    NOTHING_RUN = auto()  # the search: no step of the series was run
    NONE_OK = auto()  # the search: no step was ok
    ALL_OK = auto()  # the search: every step that was run was ok, but some were left out


@dataclass(frozen=True)
class WhySkipped:
    """Why a step of a series, or the search for its knee, is not run.

    Attributes:
        cause: the rule that applies.
        ended_at: the slowest step that was not ok, in seconds; None where there is none.
        verdict: the verdict of that step.
        left_out: faster steps of the sweep that nobody ran, slow to fast.
    """

    cause: SkipCause
    ended_at: Fraction | None = None
    verdict: str = ""
    left_out: tuple[Fraction, ...] = ()


@dataclass(frozen=True)
class SkippedStep:
    """A step that was not run, and why; step 0 stands for the search for the knee."""

    fullname: str
    series: str
    step: Fraction
    why: WhySkipped
