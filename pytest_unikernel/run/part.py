"""Trials of a load as a value: measured in one go, joined with others outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_unikernel.host.bounds import Cap
from pytest_unikernel.host.quiet import Quiet
from pytest_unikernel.host.tuning import Tuned
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run.meter import Span


@dataclass(frozen=True)
class Part:
    """Trials of one load that ran in one go. A load whose trials alternate with others' has several parts.

    Attributes:
        target: the target as it was launched.
        trials: the trials, in their order.
        seeds: the seed of each trial; None for fixed arrivals.
        warmup_ns: the longest warm-up of the trials.
        quiets: the wait for a quiet host before each trial; None where there was none.
        turns_ns: durations of the turns of the event loop.
        cap: the limit on instances in flight.
        dropped: launches that the guards refused, by reason.
        span: snapshots of this process and the host, before and after the trials.
        granted: the scheduling and limits that the kernel granted.
        versions: the versions that the target reported.
        problems: failures beside the measurement, in words.
        cut_short: whether an interrupt ended the last trial.
    """

    target: Target
    trials: Sequence[Trial]
    seeds: Sequence[int | None]
    warmup_ns: int
    quiets: Sequence[Quiet | None]
    turns_ns: Sequence[int]
    cap: Cap
    dropped: Counter[str]
    span: Span
    granted: Tuned
    versions: Mapping[str, str]
    problems: Sequence[str]
    cut_short: bool


def is_hopeless(trials: Sequence[Trial]) -> bool:
    """Return whether no launch has completed in these trials, so that the next does not wait for one."""
    return bool(trials) and not any(Outcome.COMPLETED in trial.log.outcome for trial in trials)
