"""The reason in words why a step is not run: for pytest's skip, and for the summary."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from pytest_unikernel.plan.step_names import step_id, step_text
from pytest_unikernel.results.skips import SkipCause, WhySkipped

StepName = Callable[[Fraction], str]


def skip_text(why: WhySkipped) -> str:
    """Return the reason of pytest's skip; steps are named by their ids, as ``-k`` selects them."""
    skipped = "not run" if why.cause is SkipCause.SLOWER_NOT_OK else "knee"
    return f"{skipped}: {_reason(why, step_id)}"


def why_skipped_text(why: WhySkipped) -> str:
    """Return the reason for the summary, which says first what was not run."""
    return _reason(why, lambda step: step_text(float(step)))


def _reason(why: WhySkipped, name: StepName) -> str:
    if why.cause is SkipCause.NOTHING_RUN:
        return "no time step of this series was run before the search; select the time steps too"
    if why.cause is SkipCause.ALL_OK:
        return f"every step that was run was ok; {_cure(why, name)}"
    ended = "" if why.ended_at is None else f"{name(why.ended_at)} was {why.verdict} already"
    if why.cause is SkipCause.SLOWER_NOT_OK:
        return ended
    return f"no step was ok, {ended}; {_cure(why, name)}"


def _cure(why: WhySkipped, name: StepName) -> str:
    if not why.left_out:
        return "start with a slower step"
    first, count = name(why.left_out[0]), len(why.left_out)
    return f"also run the steps that were left out: {first if count == 1 else f'{count} steps from {first}'}"
