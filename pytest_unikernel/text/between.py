"""The answer to "is B slower than A?", in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.comparison import (
    FAILURES,
    LATENCIES,
    Change,
    Comparison,
    SeriesComparison,
    Step,
)
from pytest_unikernel.text.comparison import Shown, comparison_lines
from pytest_unikernel.text.grid import printable, wrapped
from pytest_unikernel.text.table_cells import percent_cell

LEAST_SHARE = 0.02  # a smaller change isn't worth more trials
MOST_TRIALS = 100  # beyond it more trials are no cure
WORDS = {"worse": "slower", "better": "faster"}
NOT_IN_ROUNDS = (
    "the trials did not take turns, so the host may have changed between them: run with --sweep-order=rounds"
)


def between_lines(
    comparison: Comparison, shown: Shown, first: str, second: str, *, in_rounds: bool
) -> list[str]:
    """Return a whole comparison of two targets for a terminal, 80 columns wide.

    Args:
        comparison: their sweeps and cold starts.
        shown: the records of each step, the second target's first.
        first: the name of one target.
        second: that of the other.
        in_rounds: whether their trials took turns.
    """
    lines = comparison_lines(comparison, (), shown)
    sides = wrapped(f"now: {second}, was: {first}; their trials in pairs", "")
    answers = [line for series in comparison.series for line in answer_lines(series, first, second)]
    doubts = [] if in_rounds else wrapped(NOT_IN_ROUNDS, "")
    return [*lines, *map(printable, [*sides, *answers, *doubts])]


def answer_lines(series: SeriesComparison, first: str, second: str) -> list[str]:
    """Return the answer, and how many trials would give one where there is none."""
    return [line for text in _answers(series, first, second) for line in wrapped(text, "")]


def _answers(series: SeriesComparison, first: str, second: str) -> Iterator[str]:
    tested = [(step, change) for step in series.steps for change in step.changes if change.low is not None]
    knee = [series.knee] if series.knee is not None and series.knee.low is not None else []
    if not tested and not knee:
        yield f"Is {second} slower than {first}? The trials can't tell; the reasons are above."
        return
    for judged, word in WORDS.items():
        of_speed, of_failures = (
            [
                f"{change.metric} {_by(change)} at {_label(step)}"
                for step, change in tested
                if change.judgement == judged and (change.metric == FAILURES) is is_failure
            ]
            for is_failure in (False, True)
        )
        of_speed += [f"knee {_by(each)}" for each in knee if each.judgement == judged]
        if of_speed:
            yield f"{second} is {word} than {first}: {'; '.join(of_speed)}."
        if of_failures:
            often = "more" if judged == "worse" else "less"
            yield f"{second} fails {often} often than {first}: {'; '.join(of_failures)}."
    if all(change.judgement == "no evidence" for change in [*(each for _, each in tested), *knee]):
        yield f"No difference found between {second} and {first}{_within(tested)}."
    more = max((_needed(step, change) for step, change in tested), default=0)
    if more:
        yield f"What is undecided would take about {more} trials: --sweep-trials={more}."


def _by(change: Change) -> str:
    unit = "points" if change.metric == FAILURES else "%"
    return f"{percent_cell(change.change)} {unit} ({percent_cell(change.low)} to {percent_cell(change.high)})"


def _label(step: Step) -> str:
    return step_text(step.step_s) if step.step_s else "cold starts"


def _within(tested: Sequence[tuple[Step, Change]]) -> str:
    """Return by how much the median may differ all the same."""
    bounds = [
        abs(bound)
        for _, each in tested
        if each.metric == "p50"
        for bound in (each.low, each.high)
        if bound is not None
    ]
    return f"; p50 differs by less than {100 * max(bounds):.1f} %" if bounds else ""


def _needed(step: Step, change: Change) -> int:
    """Return how many trials would make a change as large as this one certain; 0 where that is no help."""
    if change.metric not in LATENCIES or change.judgement != "no evidence" or change.change is None:
        return 0
    if change.low is None or change.high is None or abs(change.change) < LEAST_SHARE:
        return 0
    reach, trials = (change.high - change.low) / 2, min(step.trials)
    needed = math.ceil(trials * (1.5 * reach / abs(change.change)) ** 2)
    return needed if trials < needed <= MOST_TRIALS else 0
