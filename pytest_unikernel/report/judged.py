"""The judged changes of a comparison with the baseline, measured and corrected side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_unikernel.report.overview import Table
from pytest_unikernel.results.comparison import FAILURES, Change, Comparison
from pytest_unikernel.text.evidence import why_text
from pytest_unikernel.text.grid import Cells
from pytest_unikernel.text.table_cells import NONE, percent_cell
from pytest_unikernel.text.units import rate_text

NOTE = (
    "Changes in per cent, of failures in points, by the trials of both runs; with 95 % confidence. "
    "Corrected: without what goes with the host's speed, by no more than the trials within each run show. "
    "The change named under 'counts' is the one that is judged and that limits are for."
)


def judged(comparison: Comparison | None) -> Table | None:
    """Return every change that was tested; None where none was."""
    heads = ["test", "time step", "metric", "measured", "corrected", "counts", "from … to", "judgement"]
    rows = [] if comparison is None else list(_rows(comparison))
    return Table("Changes, judged", heads, rows, 3, NOTE) if rows else None


def _rows(comparison: Comparison) -> Iterator[Cells]:
    for series in comparison.series:
        for step in series.steps:
            for change in step.changes:
                if change.p is not None:
                    at = NONE if step.step_s is None else rate_text(1 / step.step_s)
                    yield [series.name, at, *_cells(change)]
        if series.knee is not None and series.knee.p is not None:
            yield [series.name, NONE, *_cells(series.knee)]


def _cells(change: Change) -> Cells:
    why = f": {why_text(change.why)}" if change.why is not None else ""
    name = "failed" if change.metric == FAILURES else change.metric
    return [
        name,
        percent_cell(change.measured),
        percent_cell(change.corrected),
        change.counts or NONE,
        f"{percent_cell(change.low)} … {percent_cell(change.high)}",
        change.judgement + why,
    ]
