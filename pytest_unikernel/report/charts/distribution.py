"""Response times per time step: ridges, and the share of launches that were ready by a time. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from pytest_unikernel.plan.step_names import step_number
from pytest_unikernel.report.axes import DURATION, log_axis
from pytest_unikernel.report.charts.cumulated import share_plot
from pytest_unikernel.report.charts.lines import Row
from pytest_unikernel.report.charts.panels import headed, panels, plot_width
from pytest_unikernel.report.figure import SMALL, Figure, file_name, layered
from pytest_unikernel.report.histogram import ENOUGH, histogram
from pytest_unikernel.report.hover import DESCRIBED, OF_LINE, about_load
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import INK, SOFT, Appearance, Spec, carried

QUANTITY = "response_time_s"
RIDGE, ROW = 0.85, 26  # height of a ridge in rows, of a row in pixels
LEAST_HEIGHT, ROW_ROOM = 180, 84
CAPTION = (
    "Above: density of the response times at each time step, from slow to fast, with the same rule for the "
    f"bandwidth, each scaled to the same height; fewer than {ENOUGH} launches are shown as points. Strong "
    "line: median (p50); weak line: p99. Below, on the same time axis: share of all launches "
    "that were ready within a time. Launches that never completed keep a curve below 100 %; their share is "
    "in words beside the row."
)


class Place(NamedTuple):
    """The layout of a figure: its time steps, a row each, and the time range of all figures."""

    steps: list[float]
    ends: list[float]


def figures(results: Results) -> Iterator[Figure]:
    """Yield a figure for each target that was swept now; its baseline is drawn as a dashed outline."""
    ends = _ends(results)
    for series in results.sweeps:
        steps = _steps(series, results.baseline_of(series))
        if series.run == "current" and steps:
            yield _figure(series, results, Place(steps, ends))


def _figure(series: ReportedSeries, results: Results, place: Place) -> Figure:
    name, title = file_name("distribution", series.label), f"Response times: {series.label}"
    caption = CAPTION + (" Dashed outline: the baseline." if results.compared else "")
    plot = partial(_plot, series, results, place)
    return Figure(name, title, caption, "Response times", SMALL, plot, target=series.label)


def _steps(series: ReportedSeries, was: ReportedSeries | None) -> list[float]:
    loads = [*series.loads, *(was.loads if was is not None else ())]
    return sorted({load.step_s for load in loads if load.step_s and histogram(load)}, reverse=True)


def _ends(results: Results) -> list[float]:
    """Return the shortest and the longest response time of all targets, so that figures can be compared."""
    found = (histogram(load) for series in results.sweeps for load in series.loads)
    known = [math.exp(each.logs[at]) for each in found if each is not None for at in (0, -1)]
    return [min(known), max(known)] if known else []


def _plot(series: ReportedSeries, results: Results, place: Place, width: int) -> Spec:
    height = max(LEAST_HEIGHT, ROW * (len(place.steps) + 1))
    size = plot_width(width, 1), height
    shares = share_plot(series, Appearance(results.labels).of(series.label)["color"], place.ends, size)
    return panels([_ridge_plot(series, results, place, size), shares], width, 1, ROW_ROOM)


def _ridge_plot(series: ReportedSeries, results: Results, place: Place, size: tuple[int, int]) -> Spec:
    steps, ends = place
    ridges = [*_ridges(results.baseline_of(series), steps), *_ridges(series, steps)]
    color = Appearance(results.labels).of(series.label)["color"]
    layers = [*_ridge_layers(color, list(_points(series, steps))), *_mark_layers(list(_marks(series, steps)))]
    at = {"x": log_axis("x", ends, "response time (log scale)", DURATION), "y": _rows(steps)}
    own = [{**each, "encoding": {**at, **each["encoding"]}} for each in layers]
    return headed(layered(ridges, own, *size), "Density")


def _rows(steps: Sequence[float]) -> Spec:
    """Return the axis of time steps, a row each; a ridge stands on its row."""
    names = ", ".join(f"'{step_number(step_s)}'" for step_s in steps)
    axis = {
        "values": list(range(len(steps))),
        "labelExpr": f"[{names}][datum.value]",
        "grid": True,
        "ticks": False,
    }
    scale = {"domain": [len(steps) - 0.7, -1.0], "nice": False, "zero": False}
    return {"field": "y", "type": "quantitative", "title": "time step, s", "scale": scale, "axis": axis}


def _ridges(series: ReportedSeries | None, steps: Sequence[float]) -> Iterator[Row]:
    for load in series.loads if series is not None else ():
        found = histogram(load)
        if series is not None and found is not None and found.n >= ENOUGH:
            row = steps.index(load.step_s or 0.0)
            place = {"foot": row, "run": series.run, "line": about_load(series, load)}
            yield from ({**place, "x": x, "y": row - RIDGE * share} for x, share in found.density())


def _points(series: ReportedSeries, steps: Sequence[float]) -> Iterator[Row]:
    for load in series.loads:
        found = histogram(load)
        if found is not None and found.n < ENOUGH:
            row = steps.index(load.step_s or 0.0)
            place = {"foot": row, "y": row - 0.2, "about": about_load(series, load)}
            yield from ({**place, "x": value_s} for value_s in found.singles_s())


def _marks(series: ReportedSeries, steps: Sequence[float]) -> Iterator[Row]:
    for load in series.loads:
        if load.step_s not in steps:
            continue
        row = steps.index(load.step_s)
        text = {"about": about_load(series, load)}
        for name, color in (("p50", INK), ("p99", SOFT)):
            value_s = load.positive(QUANTITY, name)
            if value_s is not None:
                yield {**text, "x": value_s, "foot": row, "y": row - 0.4, "color": color}
        if share := _never(load):
            yield {**text, "text": f"{share} never", "foot": row, "y": row - 0.3}


def _never(load: ReportedLoad) -> str:
    """Return which share of the launches never completed; empty for none."""
    completed, censored = load.number(QUANTITY, "n") or 0.0, load.number(QUANTITY, "censored") or 0.0
    percent = 100 * censored / (completed + censored) if censored > 0 else 0.0
    return "" if not percent else f"{max(1, math.floor(percent))} %"


def _ridge_layers(color: str, points: Sequence[Row]) -> list[Spec]:
    area = {
        "type": "area",
        "clip": True,
        "color": color,
        "fillOpacity": 0.35,
        "line": {"color": color, "strokeWidth": 1.2},
    }
    dashed = {"type": "line", "clip": True, "color": INK, "strokeDash": [4, 3], "strokeWidth": 1}
    point = {"type": "point", "filled": True, "size": 24, "opacity": 0.5, "color": color}
    foot = {"detail": {"field": "foot"}, **OF_LINE}
    return [
        {"transform": [{"filter": "datum.run == 'current'"}], "mark": area,
         "encoding": {"y2": {"field": "foot"}, **foot}},
        {"transform": [{"filter": "datum.run == 'baseline'"}], "mark": dashed, "encoding": foot},
        {"data": {"values": list(points)}, "mark": point, "encoding": DESCRIBED},
    ]  # fmt: skip


def _mark_layers(marks: Sequence[Row]) -> list[Spec]:
    text = {"type": "text", "align": "left", "dx": 6, "color": INK, "fontSize": 11}
    return [
        {"data": {"values": [each for each in marks if "x" in each]},
         "mark": {"type": "rule", "strokeWidth": 2},
         "encoding": {"y2": {"field": "foot"}, "color": carried("color"), **DESCRIBED}},
        {"data": {"values": [each for each in marks if "text" in each]}, "mark": text,
         "encoding": {"x": {"value": 0}, "text": {"field": "text"}, **DESCRIBED}},
    ]  # fmt: skip
