"""One load as it is to be run: every value decided, nothing left to defaults."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

BACKLOG_RISE_SHARE = 0.05


@dataclass(frozen=True)
class LoadPlan:
    """A load at one time step.

    Attributes:
        step: spacing of scheduled launches in seconds, exact.
        warmup_s: the least warm-up; ``max_warmup_s`` bounds what long launches make of it.
        window_s: length of the window.
        drain_timeout_s: how long after the window its launches may take.
        timeout_s: one launch's own limit.
        arrivals: ``fixed`` or ``poisson``; ``seed`` makes the latter reproducible.
        longest_service_s: the longest service time seen in this series so far.
        backlog_share: of the launches, what the backlog may rise by in the window.
    """

    step: Fraction
    warmup_s: float = 1.0
    max_warmup_s: float = 60.0
    window_s: float = 4.0
    drain_timeout_s: float = 60.0
    timeout_s: float = 60.0
    trials: int = 1
    arrivals: str = "fixed"
    seed: int | None = None
    longest_service_s: float = 0.0
    backlog_share: float = BACKLOG_RISE_SHARE
