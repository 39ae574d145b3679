"""The host's speed in a comparison: changes as measured and corrected, and the change that counts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.comparison import LATENCIES, Change, SeriesComparison, Step
from pytest_unikernel.text.grid import WIDTH, Cells, cut, fits, grid
from pytest_unikernel.text.table_cells import NONE, percent_cell

HOST = "host: change of the time in which the generator starts a process"
COUNTS = (
    "corrected: without the part that follows the host's speed in the trials within each run; a corrected "
    "change counts, above and for limits"
)
CORRECTED = ", corrected as below"
BESIDE = "response times as measured, and corrected for the host's speed, which counts:"
DASH = f"{NONE} corrected: the trials show no dependence on the host's speed, so the measured change counts"
UNSHOWN = "the trials show no dependence of response times on it, so the measured changes count"
NAME_COLUMNS = 16


def is_known(step: Step) -> bool:
    """Return whether response times of a step can be corrected for the host's speed."""
    return step.host is not None and any(change.sensitivity is not None for change in step.changes)


def corrected_table(steps: Sequence[Step]) -> list[str]:
    """Return changes as measured beside those that are corrected; empty where nothing is corrected."""
    known = [step for step in steps if is_known(step)]
    if not _is_corrected(known):
        return []
    shown = [metric for metric in LATENCIES if any(_of(step, metric) for step in known)]
    for metrics in (shown, [each for each in shown if each != "p90"], shown[:1]):
        for gap in ("  ", " "):
            lines = _grid(known, metrics, gap)
            if fits(lines, WIDTH):
                return lines
    return lines


def notes(series: Sequence[SeriesComparison]) -> list[str]:
    """Return which of the changes count; empty where the host's speed isn't known."""
    steps = [step for each in series for step in each.steps if is_known(step)]
    if not steps:
        return []
    if not _is_corrected(steps):
        return [f"{HOST}; {UNSHOWN}"]
    slopes = [text for each in series for text in _slopes(each)]
    both = [(step, metric) for step in steps for metric in LATENCIES if _of(step, metric)]
    dashes = [] if all(_counts(*each) for each in both) else [DASH]
    return [
        "; ".join([HOST, COUNTS, *dashes]),
        f"share of the host's change that is removed: {'; '.join(slopes)}",
    ]


def correction_text(change: Change) -> str:
    """Return that a change is the corrected one, and what it was as measured; empty if it isn't."""
    if change.counts != "corrected" or change.measured is None:
        return ""
    return f", corrected for the host's speed; measured {100 * change.measured:+.1f}%"


def _grid(steps: Sequence[Step], metrics: Sequence[str], gap: str) -> list[str]:
    swept = any(step.step_s for step in steps)
    header = [
        ["", *("" for _ in metrics for _ in range(2))],
        ["step" if swept else "target", *(text for _ in metrics for text in ("measured", "corrected"))],
    ]
    groups = [(1 + 2 * place, 2, name) for place, name in enumerate(metrics)]
    body = [_cells(step, metrics) for step in steps]
    return grid(header, body, left=() if swept else (0,), gap=gap, groups=groups)


def _cells(step: Step, metrics: Sequence[str]) -> Cells:
    cells = [step_text(step.step_s) if step.step_s else cut(step.target, NAME_COLUMNS)]
    for metric in metrics:
        change = _of(step, metric)
        cells += (
            [NONE, NONE]
            if change is None
            else [percent_cell(change.measured), percent_cell(change.corrected)]
        )
    return cells


def _of(step: Step, metric: str) -> Change | None:
    """Return a change of a metric that was tested."""
    return next((each for each in step.changes if each.metric == metric and each.p is not None), None)


def _counts(step: Step, metric: str) -> bool:
    """Whether the corrected change of a metric counts."""
    change = _of(step, metric)
    return change is not None and change.counts == "corrected"


def _is_corrected(steps: Sequence[Step]) -> bool:
    return any(_counts(step, metric) for step in steps for metric in LATENCIES)


def _slopes(series: SeriesComparison) -> Iterator[str]:
    """Yield the share of the host's change that is removed from each metric."""
    slopes = {
        each.metric: each.sensitivity for step in series.steps for each in step.changes if each.sensitivity
    }
    if slopes:
        label = "" if series.is_sweep else f"{series.steps[0].target} "
        yield label + ", ".join(f"{metric} {100 * slope:.0f} %" for metric, slope in slopes.items())
