"""Latency without contention: a point per target, with its range and its launches, on a log scale. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.report.axes import DURATION, log_axis
from pytest_unikernel.report.charts.lines import MARKER, Row, named
from pytest_unikernel.report.charts.panels import name_room
from pytest_unikernel.report.figure import WIDE, Figure, layered
from pytest_unikernel.report.histogram import ENOUGH, histogram
from pytest_unikernel.report.hover import DESCRIBED, about_load
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import INK, PAPER, Appearance, Spec, carried
from pytest_unikernel.text.units import duration_text

ROW = 26
TEXT_ROOM = 0.12  # of the axis, for the median in words at its end
CAPTION = (
    "Instances launched one after the other on an otherwise idle host. Point: median (p50), also in words; "
    "line: from the fastest to the slowest launch."
)
TICKS = f" Faint ticks: the launches, where there are fewer than {ENOUGH}."


def figures(results: Results) -> Iterator[Figure]:
    """Yield the points, where there is a cold start."""
    rows, ticks = list(_rows(results)), list(_ticks(results))
    if rows:
        means = named([row for row in rows if row["statistic"] == "mean"])
        caption = CAPTION + (TICKS if ticks else "")
        caption += f" Means, where medians are unknown: {means}." if means else ""
        caption += " Hollow point: the baseline." if _has_baseline(rows) else ""
        yield Figure(
            "cold", "Latency without contention", caption, "Without contention", WIDE,
            lambda width: _plot(rows, ticks, results, width), has_narrow=True,
        )  # fmt: skip


def _rows(results: Results) -> Iterator[Row]:
    for series in results.colds:
        load = series.loads[0]
        found = load.latency
        if found is not None:
            low, high = (load.positive(f"{found.quantity}_time_s", name) for name in ("min", "max"))
            values = {"value": found.value_s, "low": low, "high": high, "end": high or found.value_s}
            text = duration_text(found.value_s, load.ready_resolution_s)
            more = [] if low is None or high is None else [f"from {_text(load, low)} to {_text(load, high)}"]
            spoken = {"text": f"{found.statistic} {text}", "about": about_load(series, load, more)}
            yield {**_place(series, results), **values, **spoken, "statistic": found.statistic}


def _text(load: ReportedLoad, value_s: float) -> str:
    return duration_text(value_s, load.ready_resolution_s)


def _ticks(results: Results) -> Iterator[Row]:
    for series in results.colds:
        found = series.loads[0].latency
        launches = histogram(series.loads[0], f"{found.quantity}_time_s") if found is not None else None
        if launches is not None and launches.n < ENOUGH:
            place = {**_place(series, results), "about": about_load(series, series.loads[0])}
            yield from ({**place, "value": value_s} for value_s in launches.singles_s())


def _place(series: ReportedSeries, results: Results) -> Row:
    return {"label": series.label, "run": series.run, **Appearance(results.labels).of(series.label)}


def _has_baseline(rows: Sequence[Row]) -> bool:
    return any(row["run"] == "baseline" for row in rows)


def _plot(rows: Sequence[Row], ticks: Sequence[Row], results: Results, width: int) -> Spec:
    there = {row["label"] for row in rows}
    labels = [label for label in results.labels if label in there]
    ends = [row[name] for row in rows for name in ("value", "low", "high") if row[name]]
    x = log_axis("value", [*ends, _with_room(ends, width)], "latency (log scale)", DURATION)
    y = {"field": "label", "type": "nominal", "title": None, "sort": labels, "scale": {"padding": 0.2}}
    y["axis"] = {"labelLimit": 260 if width >= WIDE else 110, "grid": True, "ticks": False, "labelPadding": 8}
    offset = {"yOffset": {"field": "run", "type": "nominal", "sort": ["current", "baseline"]}}
    runs = 2 if _has_baseline(rows) else 1
    at = {"y": y, "x": x, **(offset if runs > 1 else {}), **DESCRIBED}
    plot = width if width >= WIDE else width - 80
    return name_room(layered(rows, _layers(at, ticks), plot, len(labels) * runs * ROW))


def _with_room(ends: Sequence[float], width: int) -> float:
    """Return the end of an axis that has room for words beyond the last value."""
    share = TEXT_ROOM * WIDE / width if width < WIDE else TEXT_ROOM
    return float(max(ends) * max(1.2, max(ends) / min(ends)) ** (share / (1 - share)))


def _layers(at: Spec, ticks: Sequence[Row]) -> list[Spec]:
    now, was = ([{"filter": f"datum.run == '{run}'"}] for run in ("current", "baseline"))
    point = {**at, "color": carried("color"), "shape": carried("shape")}
    span = {**at, "x": {**at["x"], "field": "low"}, "x2": {"field": "high"}, "color": carried("color")}
    text = {"type": "text", "align": "left", "dx": 10, "color": INK, "fontSize": 12}
    return [
        {"data": {"values": list(ticks)}, "mark": {"type": "tick", "opacity": 0.45, "size": 14},
         "encoding": {**at, "color": carried("color")}},
        {"transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
         "mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": span},
        {"transform": now, "mark": {**MARKER, "size": 90}, "encoding": point},
        {"transform": was, "mark": {**MARKER, "size": 90}, "encoding": point},
        {"transform": was, "mark": {**MARKER, "size": 30, "color": PAPER},
         "encoding": {**at, "shape": carried("shape")}},
        {"mark": text, "encoding": {**at, "x": {**at["x"], "field": "end"}, "text": {"field": "text"}}},
    ]  # fmt: skip
