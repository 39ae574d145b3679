"""The phases that no chart can stack, because they may overlap, as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_unikernel.report import cells as cell
from pytest_unikernel.report.charts.phases import parts as stacked_parts
from pytest_unikernel.report.load import ReportedLoad, clean
from pytest_unikernel.report.overview import Table
from pytest_unikernel.report.series import Results
from pytest_unikernel.text.grid import Cells
from pytest_unikernel.text.table_cells import NONE

MOMENTS = ("mean", "p50", "p99", "max")
NOTE = (
    "These may overlap, so they can't be added up. Each has the launches that have both of its events. A "
    "dash: not known."
)


def other_phases(results: Results) -> Table | None:
    """Return the phases that aren't stacked; the intervals of a load that has no phases."""
    rows = [
        [series.label, cell.step(load), *row]
        for series in (*results.sweeps, *results.colds)
        if series.run == "current"
        for load in series.loads
        for row in _rows(load)
    ]
    heads = ["target", "time step", "phase", "launches", *MOMENTS]
    return Table("Other phases", heads, rows, 3, NOTE) if rows else None


def _rows(load: ReportedLoad) -> Iterator[Cells]:
    stacked = {part.name for part in stacked_parts(load)}
    key = "phases_s" if load.mapping("phases_s") else "intervals_s"
    for name in load.mapping(key):
        if name not in stacked:
            launches = load.number(key, name, "n")
            times = (load.number(key, name, moment) for moment in MOMENTS)
            yield [clean(name), NONE if launches is None else f"{launches:,.0f}", *map(cell.duration, times)]
