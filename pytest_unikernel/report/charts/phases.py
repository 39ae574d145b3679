"""The phases of launches, stacked at each time step, one figure per target. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_unikernel.plan.step_names import step_number
from pytest_unikernel.report.axes import DURATION, linear_axis
from pytest_unikernel.report.charts.lines import Row
from pytest_unikernel.report.charts.stack import BAR, shades
from pytest_unikernel.report.figure import SMALL, Figure, file_name, layered
from pytest_unikernel.report.load import ReportedLoad, clean
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import Spec

HEIGHT = 220
CAPTION = (
    "Mean time of each phase at each time step, stacked. Phases after an instance was ready are included, "
    "so a stack can be higher than the response time."
)


def figures(results: Results) -> Iterator[Figure]:
    """Yield a figure for each target with phases, or with intervals that follow one another."""
    colds = {each.label: each for each in results.colds if each.run == "current"}
    swept = {each.label: each for each in results.sweeps if each.run == "current"}
    for label in dict.fromkeys((*swept, *colds)):
        rows = list(_rows([each[label] for each in (colds, swept) if label in each]))
        if rows:
            yield _figure(label, rows)


def _figure(label: str, rows: list[Row]) -> Figure:
    name = file_name("phases", label)
    return Figure(name, f"Phases: {label}", CAPTION, "Phases", SMALL, lambda width: _plot(rows, width))


def _rows(found: Sequence[ReportedSeries]) -> Iterator[Row]:
    for series in found:
        for load in series.loads:
            at = step_number(load.step_s) if load.step_s else "cold"
            for order, (phase, mean_s) in enumerate(parts(load).items()):
                yield {"at": at, "phase": clean(phase), "order": order, "value": mean_s}


def parts(load: ReportedLoad) -> dict[str, float]:
    """Return the mean seconds of each phase; of intervals where there are no phases."""
    return _means(load, load.mapping("phases_s")) or _means(
        load, chain(load.mapping("intervals_s")), "intervals_s"
    )


def _means(
    load: ReportedLoad, names: Mapping[str, Any] | Sequence[str], key: str = "phases_s"
) -> dict[str, float]:
    known = ((name, load.number(key, name, "mean")) for name in names)
    return {name: mean_s for name, mean_s in known if mean_s is not None and mean_s >= 0}


def chain(intervals: Mapping[str, Any]) -> list[str]:
    """Return the intervals that follow one another, from the first on: others overlap them."""
    followed: list[str] = []
    place: str | None = None
    for name in intervals:
        begin, arrow, end = name.partition("->")
        if arrow and begin == (place or begin):
            followed.append(name)
            place = end
    return followed


def _plot(rows: Sequence[Row], width: int) -> Spec:
    order = list(dict.fromkeys(row["phase"] for row in sorted(rows, key=lambda row: row["order"])))
    axis = {"labelAngle": -45, "grid": False}
    encoding = {
        "x": {"field": "at", "type": "nominal", "sort": None, "title": "time step, s", "axis": axis},
        "y": {**linear_axis("value", "mean time", DURATION), "stack": "zero"},
        "color": shades("phase", order, width),
        "order": {"field": "order", "type": "quantitative"},
    }
    return layered(rows, [{"mark": BAR, "encoding": encoding}], width, HEIGHT)
