"""Throughput as a share of the offered rate: a strip per target, so that none covers another. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_unikernel.report import cells as cell
from pytest_unikernel.report import verdicts
from pytest_unikernel.report.axes import step_axis
from pytest_unikernel.report.charts.legend import below
from pytest_unikernel.report.charts.lines import MARKER, Row, dashes, searched, size, steps_of
from pytest_unikernel.report.figure import WIDE, Figure, layered
from pytest_unikernel.report.hover import DESCRIBED, OF_LINE, about
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import INK, SOFT, Spec, carried

# Pixels: a strip's height at 100 %, the line above it that names the target, a whole row.
STRIP, NAME, ROW = 26, 20, 56
HIGHEST = 1.15  # few launches in a short window can be more than were offered
EVEN = 0.985  # from here on a share needs no number beside it
BESIDE = (("datum.value < datum.foot - 15", 13), ("datum.value >= datum.foot - 15", -11))  # where a number is
STATUS = 0.46  # share of the width that the status takes, beside the name
NAME_GAP = 14  # pixels between the two: some fonts are wider than that they were measured in
CAPTION = (
    "Successful completions per second, in per cent of the offered rate, each target in a strip of its own: "
    "at 100 % it keeps up. Markers and their colours: the verdict."
)


def figures(results: Results) -> Iterator[Figure]:
    """Yield the strips, where there is any throughput."""
    rows = list(_rows(results))
    if rows:
        title = "Throughput: completed ÷ offered"
        yield Figure(
            "throughput", title, CAPTION + searched(rows), "Under load", WIDE,
            lambda width: _plot(rows, results, width), has_narrow=True,
        )  # fmt: skip


def _rows(results: Results) -> Iterator[Row]:
    order: dict[str, int] = {}
    for load, row in steps_of(results, _completed):
        rate_hz, offered_hz = load.number("throughput_hz"), load.positive("offered_rate_hz")
        if rate_hz is not None and offered_hz is not None:
            foot = ROW * order.setdefault(row["label"], len(order)) + NAME + STRIP
            share = rate_hz / offered_hz
            told = f"{100 * share:.0f} %" if share < EVEN and not load.is_search else ""
            place = {"foot": foot, "value": foot - STRIP * min(share, HIGHEST)}
            yield {**row, **place, "told": told, "verdict": load.verdict or verdicts.UNKNOWN}


def _completed(load: ReportedLoad) -> list[str]:
    rate_hz, offered_hz = load.number("throughput_hz"), load.positive("offered_rate_hz")
    if rate_hz is None or offered_hz is None:
        return []
    return [f"{cell.rate(rate_hz)} completed, {100 * rate_hz / offered_hz:.0f} % of {cell.rate(offered_hz)}"]


def _plot(rows: Sequence[Row], results: Results, width: int) -> Spec:
    feet = sorted({row["foot"] for row in rows})
    height = ROW * len(feet)
    at = {"x": step_axis([row["step"] for row in rows]), "y": _strips(feet, height)}
    layers = [
        *_line_layers(at, results, width),
        *_head_layers(at, rows, width),
        *_names(rows, results, width),
    ]
    return layered(rows, layers, width, height)


def _strips(feet: Sequence[int], height: int) -> Spec:
    """Return the axis of pixels from the top, with a line at 0 and at 100 % of each strip."""
    values = [value for foot in feet for value in (foot - STRIP, foot)]
    label = f"datum.value % {ROW} == {NAME} ? '100 %' : '0'"
    axis = {
        "values": values,
        "tickCount": len(values),
        "labelExpr": label,
        "ticks": False,
        "domain": False,
        "labelOverlap": False,
    }
    scale = {"domain": [height, 0], "nice": False, "zero": False}
    return {"field": "value", "type": "quantitative", "title": None, "scale": scale, "axis": axis}


def _line_layers(at: Spec, results: Results, width: int) -> list[Spec]:
    own = {**at, "detail": {"field": "label"}, **OF_LINE}
    return [
        {"transform": [{"filter": "datum.run == 'current'"}], "mark": {"type": "area", "fillOpacity": 0.16},
         "encoding": {**own, "y2": {"field": "foot"}, "color": carried("color")}},
        {"mark": {"type": "line", "strokeWidth": 1.5},
         "encoding": {**own, "color": carried("color"), "strokeDash": dashes(results, width, is_below=True)}},
    ]  # fmt: skip


def _head_layers(at: Spec, rows: Sequence[Row], width: int) -> list[Spec]:
    found = verdicts.in_order(row["verdict"] for row in rows)
    legend = {**below(found, width), "symbolSize": 80}
    own = {"field": "verdict", "type": "nominal", "title": None, "legend": legend}
    looks = {name: {**own, "scale": verdicts.scale(found, name)} for name in ("color", "shape")}
    return [
        {"mark": MARKER, "encoding": {**at, **looks, **size(64), **DESCRIBED}},
        *(_numbers(at, f"{test} && datum.run == 'current'", offset) for test, offset in BESIDE),
    ]


def _numbers(at: Spec, test: str, offset: int) -> Spec:
    text = {"type": "text", "dy": offset, "color": INK, "fontSize": 11}
    encoding = {**at, "text": {"field": "told"}, **DESCRIBED}
    return {"transform": [{"filter": f"datum.told && {test}"}], "mark": text, "encoding": encoding}


def _names(rows: Sequence[Row], results: Results, width: int) -> list[Spec]:
    """Return the line above each strip: the target at the left, its knee at the right."""
    feet = {row["label"]: row["foot"] for row in rows}
    named = [
        {"name": each.label, "status": status(each, wide=width >= WIDE), "y": feet[each.label] - STRIP - 12}
        for each in results.sweeps
        if each.label in feet and (each.run == "current" or results.only_baseline(each))
    ]
    for row in named:
        row["about"] = about(str(row["name"]))
    y: dict[str, Any] = {"y": {"field": "y", "type": "quantitative"}, **DESCRIBED}
    left = {
        "type": "text",
        "align": "left",
        "fontWeight": "bold",
        "limit": (1 - STATUS) * width - NAME_GAP,
        "color": INK,
    }
    right = {"type": "text", "align": "right", "limit": STATUS * width, "color": SOFT}
    small = 12 if width >= WIDE else 11
    data = {"data": {"values": named}}
    return [
        {
            **data,
            "mark": {**mark, "fontSize": size_px},
            "encoding": {**y, "x": {"value": x}, "text": {"field": text}},
        }
        for mark, x, text, size_px in ((left, 0, "name", 12), (right, width, "status", small))
    ]


def status(series: ReportedSeries, *, wide: bool) -> str:
    """Return the knee in words, with the first rate that was not ok where there is room."""
    knee = series.knee
    if knee is None:
        return verdicts.UNKNOWN
    quoted = f"knee {cell.fastest_ok(knee)}" if knee.fastest_ok_hz is not None else ""
    ended = (
        f"{knee.verdict_of_first_not_ok} at {cell.rate(knee.first_not_ok_hz)}"
        if knee.first_not_ok_hz is not None
        else ""
    )
    return ", ".join(each for each in ((quoted, ended) if wide else (ended or quoted,)) if each)
