"""The reason in words why a step is not run: for pytest's skip, and for the summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.skips import SkipCause, SkippedStep, WhySkipped
from pytest_unikernel.text.grid import WIDTH, wrapped


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


def knee_and_not_run(knee: str, skipped: Sequence[SkippedStep], *, verbose: bool = False) -> list[str]:
    """Return the line of the knee with the steps that were not run, which have lines of their own if verbose.

    Where the knee's line has the verdict that ended the series, that is reason enough; a search's has none.
    """
    groups = list(_groups(skipped))
    if len(groups) == 1 and _says_why(knee, groups[0][0]) and not verbose:
        for named in _names(groups[0][1]):
            line = f"{knee}; not run: {named}"
            if len(line) <= WIDTH - 2:
                return wrapped(line)
    notes = [f"not run: {next(iter(_names(group)))}: {why_skipped_text(why)}" for why, group in groups]
    return [line for text in (knee, *notes) for line in wrapped(text)]


def _says_why(knee: str, why: WhySkipped) -> bool:
    return why.cause is SkipCause.SLOWER_NOT_OK and f"({why.verdict})" in knee


def _groups(skipped: Sequence[SkippedStep]) -> Iterator[tuple[WhySkipped, list[SkippedStep]]]:
    """Yield each reason with the steps that have it, slow to fast."""
    ordered = sorted(skipped, key=lambda each: (skip_text(each.why), -each.step))
    for why, group in groupby(ordered, key=lambda each: each.why):
        yield why, list(group)


def _names(group: Sequence[SkippedStep]) -> list[str]:
    """Return texts that name steps, the longest first."""
    steps = [step_text(float(each.step)) if each.step else "the search" for each in group]
    if len(steps) <= 2:
        return [", ".join(steps)]
    ends, number = f"{steps[0]} … {steps[-1]}", f"{len(steps)} steps"
    return [f"{ends} ({number})", ends, number]
