"""How precisely figures are known by their trials, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.record import Record


def precision_notes(loads: Sequence[Record]) -> Iterator[str]:
    """Yield how many trials a precision took, and at which steps it was not reached."""
    asked = [load for load in loads if load.get("precision")]
    reached = [load["trials"] for load in asked if load["precision"]["reached"]]
    if reached:
        yield f"{_asked(asked[0])}: reached after {span_text(reached)} trials"
    for load in asked:
        if not load["precision"]["reached"]:
            yield f"{step_text(load['time_step_s'])} {_asked(load)}: not reached, {_found(load)}"


def _asked(load: Record) -> str:
    found = load["precision"]
    return f"{found['metric']} ± {found['asked_percent']:g} %"


def span_text(counts: Sequence[int]) -> str:
    """Return the least and the largest number, or the one that all are."""
    least, most = min(counts), max(counts)
    return f"{least}" if least == most else f"{least} to {most}"


def _found(load: Record) -> str:
    half_percent, trials = load["precision"]["half_width_percent"], load["trials"]
    if half_percent is None:
        return f"unknown after {trials} trial{'' if trials == 1 else 's'}"
    return f"± {half_percent:.2g} % after {trials} trials"
