"""Skipped steps of a series, and the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction


class SkipCause(Enum):
    """The cause of a skipped step, or of a skipped search for the knee."""

    SLOWER_NOT_OK = auto()  # a step: the series ended at a slower step
    NOTHING_RUN = auto()  # the search: no step of the series was run
    NONE_OK = auto()  # the search: no step was ok
    ALL_OK = auto()  # the search: every step that was run was ok, but some were left out


@dataclass(frozen=True)
class WhySkipped:
    """The reason why a step of a series, or the search for its knee, is skipped.

    Attributes:
        cause: the rule that applies.
        ended_at: the slowest step that was not ok, in seconds; None if there is none.
        verdict: the verdict of that step.
        left_out: faster steps of the sweep that were not run, slow to fast.
    """

    cause: SkipCause
    ended_at: Fraction | None = None
    verdict: str = ""
    left_out: tuple[Fraction, ...] = ()


@dataclass(frozen=True)
class SkippedStep:
    """A skipped step and the reason; step 0 stands for the search for the knee."""

    fullname: str
    series: str
    step: Fraction
    why: WhySkipped
