"""Launches that didn't complete, by reason: a bar for each load that had any. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.report.axes import linear_axis
from pytest_unikernel.report.charts.lines import Row
from pytest_unikernel.report.charts.panels import name_room
from pytest_unikernel.report.charts.stack import BAR, shades
from pytest_unikernel.report.figure import WIDE, Figure, layered
from pytest_unikernel.report.hover import DESCRIBED, about_load
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import Spec

ROW = 24
# The usual ones keep their colours from one report to the next.
REASONS = (
    "dropped",
    "unfinished",
    "timeout",
    "exit-code",
    "not-ready",
    "spawn-error",
    "daemon-error",
    "signal",
)
CAPTION = (
    "Launches that did not complete, in per cent of the launches that were due; loads without any are "
    "left out. Dropped: not started, because too many were in flight; unfinished: still running when the "
    "load ended."
)


def figures(results: Results) -> Iterator[Figure]:
    """Yield the bars, if anything failed."""
    rows = list(_rows(results))
    if rows:
        yield Figure(
            "failures", "Launches that did not complete", CAPTION, "Failures", WIDE,
            lambda width: _plot(rows, width), has_narrow=True,
        )  # fmt: skip


def _rows(results: Results) -> Iterator[Row]:
    for series in (*results.sweeps, *results.colds):
        for load in series.loads:
            due = load.positive("scheduled")
            for reason, count in load.failures.items() if due else ():
                percent = 100 * count / (due or 1.0)
                about = about_load(series, load, [f"{reason} {count:,}, {percent:.2g} %"])
                yield {"at": name_of(series, load), "reason": reason, "value": percent, "about": about}


def name_of(series: ReportedSeries, load: ReportedLoad) -> str:
    """Return a load's name beside others: its target, its time step, its run unless it is current."""
    step = step_text(load.step_s) if load.step_s else "cold"
    return f"{series.label} {step}" + (" (baseline)" if series.run == "baseline" else "")


def _plot(rows: Sequence[Row], width: int) -> Spec:
    found = {row["reason"] for row in rows}
    order = [*(each for each in REASONS if each in found), *sorted(found - set(REASONS))]
    numbers = [REASONS.index(each) if each in REASONS else number for number, each in enumerate(order)]
    plot = width if width >= WIDE else width - 80
    loads = list(dict.fromkeys(row["at"] for row in rows))
    axis = {"labelLimit": 260 if width >= WIDE else 120, "grid": False}
    encoding = {
        "y": {"field": "at", "type": "nominal", "sort": loads, "title": None, "axis": axis},
        "x": {**linear_axis("value", "share of launches, %", "datum.value + ' %'"), "stack": "zero"},
        "color": shades("reason", order, plot, numbers),
        **DESCRIBED,
    }
    return name_room(layered(rows, [{"mark": BAR, "encoding": encoding}], plot, ROW * len(loads)))
