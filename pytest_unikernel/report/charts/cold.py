"""Latency without contention: a bar per target, on a log scale. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.report.axes import DURATION, log_axis
from pytest_unikernel.report.charts.lines import Row, named
from pytest_unikernel.report.figure import WIDE, Figure, layered
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import INK, PAPER, Appearance, Spec, carried
from pytest_unikernel.text.units import duration_text

BAR_HEIGHT, GAP = 18, 12
CAPTION = (
    "Instances launched one after the other on an otherwise idle host. Bar: median (p50); thin line: from "
    "the fastest to the slowest launch."
)


def figures(results: Results) -> Iterator[Figure]:
    """Yield the bars, where there is a cold start."""
    rows = list(_rows(results))
    if rows:
        means = named([row for row in rows if row["statistic"] == "mean"])
        caption = CAPTION + (f" Means, where medians are unknown: {means}." if means else "")
        caption += " Light bar with a dashed edge: the baseline." if _has_baseline(rows) else ""
        yield Figure(
            "cold", "Latency without contention", caption, "Without contention", WIDE,
            lambda width: _plot(rows, results, width), has_narrow=True,
        )  # fmt: skip


def _rows(results: Results) -> Iterator[Row]:
    look = Appearance(results.labels)
    for series in results.colds:
        row = _row(series, series.loads[0])
        if row is not None:
            yield {**row, **look.of(series.label)}


def _row(series: ReportedSeries, load: ReportedLoad) -> Row | None:
    found = load.latency
    if found is None:
        return None
    key = f"{found.quantity}_time_s"
    ends = {"low": load.positive(key, "min"), "high": load.positive(key, "max")}
    own = {"label": series.label, "run": series.run, "statistic": found.statistic}
    return {
        **own,
        **ends,
        "value": found.value_s,
        "text": duration_text(found.value_s, load.ready_resolution_s),
    }


def _has_baseline(rows: Sequence[Row]) -> bool:
    return any(row["run"] == "baseline" for row in rows)


def _plot(rows: Sequence[Row], results: Results, width: int) -> Spec:
    labels = [label for label in results.labels if any(row["label"] == label for row in rows)]
    runs = 2 if _has_baseline(rows) else 1
    ends = [row[name] for row in rows for name in ("value", "low", "high") if row[name]]
    x = log_axis("value", [min(ends) / 2, max(ends) * 1.6], "latency (log scale)", DURATION)
    left = x["scale"]["domain"][0]
    y = {"field": "label", "type": "nominal", "title": None, "sort": labels, "scale": {"padding": 0.25}}
    y["axis"] = {"labelLimit": 260 if width >= WIDE else 110, "grid": False}
    offset = (
        {"yOffset": {"field": "run", "type": "nominal", "sort": ["current", "baseline"]}} if runs > 1 else {}
    )
    at = {"y": y, "x": x, **offset}
    height = len(labels) * (runs * BAR_HEIGHT + GAP)
    return layered(rows, _layers(at, left), width if width >= WIDE else width - 80, height)


def _layers(at: Spec, left: float) -> list[Spec]:
    base: Spec = {"x2": {"datum": left}}
    faint = {"type": "bar", "fillOpacity": 0.2, "strokeDash": [4, 3], "strokeWidth": 1.2}
    return [
        {"transform": [{"filter": "datum.run == 'current'"}], "mark": {"type": "bar"},
         "encoding": {**at, **base, "color": carried("color")}},
        {"transform": [{"filter": "datum.run == 'baseline'"}], "mark": faint,
         "encoding": {**at, **base, "fill": carried("color"), "stroke": carried("color")}},
        *(_whisker(at, color, width) for color, width in ((PAPER, 4.0), (INK, 1.4))),
        {"transform": [{"calculate": "isValid(datum.high) ? datum.high : datum.value", "as": "end"}],
         "mark": {"type": "text", "align": "left", "dx": 6, "color": INK, "fontSize": 12},
         "encoding": {**at, "x": {**at["x"], "field": "end"}, "text": {"field": "text"}}},
    ]  # fmt: skip


def _whisker(at: Spec, color: str, width: float) -> Spec:
    """Return the line from the fastest to the slowest launch; on paper, or a dark bar would hide it."""
    return {
        "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
        "mark": {"type": "rule", "color": color, "strokeWidth": width},
        "encoding": {**at, "x": {**at["x"], "field": "low"}, "x2": {"field": "high"}},
    }
