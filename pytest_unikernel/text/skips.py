"""The reason in words why a step is not run: for pytest's skip, and for the summary."""

from __future__ import annotations

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.skips import SkipCause, WhySkipped


def skip_text(why: WhySkipped) -> str:
    """Return the reason of pytest's skip."""
    skipped = "not run" if why.cause is SkipCause.SLOWER_NOT_OK else "knee"
    return f"{skipped}: {why_skipped_text(why)}"


def why_skipped_text(why: WhySkipped) -> str:
    """Return the reason for the summary, which says first what was not run."""
    if why.cause is SkipCause.NOTHING_RUN:
        return "no time step of this series was run before the search; select the time steps too"
    if why.cause is SkipCause.ALL_OK:
        return f"every step that was run was ok; {_cure(why)}"
    ended = "" if why.ended_at is None else f"{step_text(float(why.ended_at))} was {why.verdict} already"
    return ended if why.cause is SkipCause.SLOWER_NOT_OK else f"no step was ok, {ended}; {_cure(why)}"


def _cure(why: WhySkipped) -> str:
    if not why.left_out:
        return "start with a slower step"
    first, count = step_text(float(why.left_out[0])), len(why.left_out)
    return f"also run the steps that were left out: {first if count == 1 else f'{count} steps from {first}'}"
