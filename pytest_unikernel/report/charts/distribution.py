"""Response times per time step: a ridge for each, one figure per target. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from pytest_unikernel.plan.step_names import step_number
from pytest_unikernel.report.axes import DURATION, log_axis
from pytest_unikernel.report.charts.lines import Row
from pytest_unikernel.report.figure import SMALL, Figure, file_name, layered
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import INK, SOFT, Appearance, Spec, carried

QUANTITY = "response_time_s"
MERGED = 4  # buckets of 2 % that make one point of a ridge: 8 %
FURTHEST = 70.0  # on a natural log scale; 30 orders of magnitude from a second no time is a measured one
RIDGE, ROW = 0.92, 26  # height of a ridge in rows, of a row in pixels
CAPTION = (
    "Distribution of response times at each time step, from slow to fast, on a log scale; all ridges are "
    "scaled to the same height. Strong line: median (p50); weak line: p99. Per cent: launches that never "
    "completed."
)


class Place(NamedTuple):
    """The layout of a figure's ridges: its time steps, a row each, and the time range of all figures."""

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
    return Figure(name, title, caption, "Response times", SMALL, plot)


def _steps(series: ReportedSeries, was: ReportedSeries | None) -> list[float]:
    loads = [*series.loads, *(was.loads if was is not None else ())]
    return sorted({load.step_s for load in loads if load.step_s and density(load)}, reverse=True)


def _ends(results: Results) -> list[float]:
    """Return the shortest and the longest response time of all targets, so that figures can be compared."""
    known = [point[0] for series in results.sweeps for load in series.loads for point in density(load)]
    return [min(known), max(known)] if known else []


def density(load: ReportedLoad) -> list[tuple[float, float]]:
    """Return a load's response times as (seconds, share of the highest), from a zero to a zero."""
    distribution = load.mapping("distribution")
    base, unit_s = load.positive("distribution", "base"), load.positive("distribution", "unit_s")
    counted = _merged(distribution)
    if not counted or base is None or unit_s is None or base <= 1:
        return []
    peak = max(counted.values())
    bins = sorted({each for number in counted for each in (number - 1, number, number + 1)})
    places = ((math.log(unit_s) + MERGED * (number + 0.5) * math.log(base), number) for number in bins)
    return [(math.exp(place), counted[number] / peak) for place, number in places if abs(place) < FURTHEST]


def _merged(distribution: Mapping[str, Any]) -> Counter[int]:
    """Return counts by coarser bins."""
    counted: Counter[int] = Counter()
    for index, count in distribution.get(QUANTITY) or ():
        counted[(index - 1) // MERGED] += count
    return +counted


def _plot(series: ReportedSeries, results: Results, place: Place, width: int) -> Spec:
    steps, ends = place
    ridges = [*_ridges(results.baseline_of(series), steps), *_ridges(series, steps)]
    marks = list(_marks(series, steps))
    color = Appearance(results.labels).of(series.label)["color"]
    layers = [*_ridge_layers(color), *_mark_layers(marks)]
    at = {"x": log_axis("x", ends, "response time (log scale)", DURATION), "y": _rows(steps)}
    own = [{**each, "encoding": {**at, **each["encoding"]}} for each in layers]
    return layered(ridges, own, width, ROW * (len(steps) + 1))


def _rows(steps: Sequence[float]) -> Spec:
    """Return the axis of time steps, a row each; a ridge stands on its row."""
    names = ", ".join(f"'{step_number(step_s)}'" for step_s in steps)
    axis = {
        "values": list(range(len(steps))),
        "labelExpr": f"[{names}][datum.value]",
        "grid": False,
        "ticks": False,
    }
    scale = {"domain": [len(steps) - 0.7, -1.0], "nice": False, "zero": False}
    return {"field": "y", "type": "quantitative", "title": "time step, s", "scale": scale, "axis": axis}


def _ridges(series: ReportedSeries | None, steps: Sequence[float]) -> Iterator[Row]:
    for load in series.loads if series is not None else ():
        for seconds, share in density(load):
            row = steps.index(load.step_s or 0.0)
            yield {"x": seconds, "foot": row, "y": row - RIDGE * share, "run": series.run if series else ""}


def _marks(series: ReportedSeries, steps: Sequence[float]) -> Iterator[Row]:
    for load in series.loads:
        if load.step_s not in steps:
            continue
        row = steps.index(load.step_s)
        for name, color in (("p50", INK), ("p99", SOFT)):
            value_s = load.positive(QUANTITY, name)
            if value_s is not None:
                yield {"x": value_s, "foot": row, "y": row - 0.4, "color": color}
        if share := _never(load):
            yield {"text": f"{share} never", "foot": row, "y": row - 0.3}


def _never(load: ReportedLoad) -> str:
    """Return which share of the launches never completed; empty for none."""
    completed, censored = load.number(QUANTITY, "n") or 0.0, load.number(QUANTITY, "censored") or 0.0
    percent = 100 * censored / (completed + censored) if censored > 0 else 0.0
    return "" if not percent else f"{max(1, math.floor(percent))} %"


def _ridge_layers(color: str) -> list[Spec]:
    area = {"type": "area", "color": color, "fillOpacity": 0.35, "line": {"color": color, "strokeWidth": 1.2}}
    dashed = {"type": "line", "color": INK, "strokeDash": [4, 3], "strokeWidth": 1}
    foot = {"detail": {"field": "foot"}}
    return [
        {"transform": [{"filter": "datum.run == 'current'"}], "mark": area,
         "encoding": {"y2": {"field": "foot"}, **foot}},
        {"transform": [{"filter": "datum.run == 'baseline'"}], "mark": dashed, "encoding": foot},
    ]  # fmt: skip


def _mark_layers(marks: Sequence[Row]) -> list[Spec]:
    text = {"type": "text", "align": "left", "dx": 6, "color": INK, "fontSize": 11}
    return [
        {"data": {"values": [each for each in marks if "x" in each]},
         "mark": {"type": "rule", "strokeWidth": 2},
         "encoding": {"y2": {"field": "foot"}, "color": carried("color")}},
        {"data": {"values": [each for each in marks if "text" in each]}, "mark": text,
         "encoding": {"x": {"value": 0}, "text": {"field": "text"}}},
    ]  # fmt: skip
