"""Lines over the time step, as several figures have them: dashes, markers, rings, one legend. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytest_unikernel.report.axes import step_axis
from pytest_unikernel.report.charts.legend import below, legend
from pytest_unikernel.report.figure import layered
from pytest_unikernel.report.hover import DESCRIBED, OF_LINE, about, about_load, name
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import DASHES, INK, PAPER, RUNS, Appearance, Spec, carried

Row = dict[str, Any]
SEARCH = 0.4  # area of a search's marker, of that of a step
MARKER = {"type": "point", "filled": True, "opacity": 1}


def _no_more(load: ReportedLoad) -> list[str]:
    del load
    return []


def steps_of(
    results: Results, more: Callable[[ReportedLoad], list[str]] = _no_more
) -> Iterator[tuple[ReportedLoad, Row]]:
    """Yield every step of every sweep, with the beginning of its row.

    Args:
        results: the sweeps.
        more: gives the lines that a mark's text has beside those of every load.
    """
    look = Appearance(results.labels)
    for series in results.sweeps:
        knee = series.knee_load()
        for load in series.loads:
            texts = {
                "about": about_load(series, load, more(load)),
                "line": about(series.label, [name(series)]),
            }
            yield load, {**_row(series, load, look, knee), **texts}


def _row(series: ReportedSeries, load: ReportedLoad, look: Appearance, knee: ReportedLoad | None) -> Row:
    judged = {"ok": load.verdict == "ok", "knee": load is knee, "search": load.is_search}
    return {"label": series.label, "run": series.run, "step": load.step_s, **judged, **look.of(series.label)}


def chart(
    rows: Sequence[Row], results: Results, y: Spec, size: tuple[int, int], under: Sequence[Spec] = ()
) -> Spec:
    """Return rows with a ``value`` as lines over the time step.

    Args:
        rows: from :func:`steps_of`, with a ``value``.
        results: give every label its look, here as in the other figures.
        y: the axis of the value.
        size: width and height of the plot.
        under: layers under the lines; those without an ``x`` get ours.
    """
    at = {"x": step_axis([row["step"] for row in rows]), "y": y}
    width, height = size
    lower = [{**layer, "encoding": {**at, **layer["encoding"]}} for layer in under]
    return layered(rows, [*lower, *_layers(rows, results, at, width)], width, height)


def _layers(rows: Sequence[Row], results: Results, at: Spec, width: int) -> list[Spec]:
    line = {
        **at,
        "color": carried("color"),
        "detail": {"field": "label"},
        "strokeDash": dashes(results, width),
        **OF_LINE,
    }
    hole = {**at, "shape": carried("shape"), **DESCRIBED}
    return [
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": line},
        {"transform": [{"filter": "datum.knee"}], "mark": ring(), "encoding": {**at, **DESCRIBED}},
        {"mark": MARKER, "encoding": {**at, **size(56), **DESCRIBED, **_legends(rows, results, width)}},
        {
            "transform": [{"filter": "!datum.ok"}],
            "mark": {**MARKER, "color": PAPER},
            "encoding": {**hole, **size(16)},
        },
    ]


def size(area: float) -> Spec:
    """Return the encoding of a marker's area; loads of a search have smaller ones."""
    return {"size": {"condition": {"test": "datum.search", "value": SEARCH * area}, "value": area}}


def searched(rows: Sequence[Row]) -> str:
    """Return the part of a caption about the loads of a search; empty where there are none."""
    return " Small markers: loads of the search for the knee." if any(row["search"] for row in rows) else ""


def named(rows: Sequence[Row]) -> str:
    """Return the labels of the rows for a caption; those of the baseline are marked."""
    runs = {(row["label"], row["run"]) for row in rows}
    return ", ".join(label + (" (baseline)" if run == "baseline" else "") for label, run in sorted(runs))


def ring() -> Spec:
    """Return the mark around a knee."""
    return {
        "type": "point",
        "shape": "circle",
        "size": 260,
        "strokeWidth": 1.5,
        "filled": False,
        "color": INK,
    }


def _legends(rows: Sequence[Row], results: Results, width: int) -> Spec:
    """Return colour and marker by label, with one legend of those that are there."""
    look = Appearance(results.labels)
    there = {row["label"] for row in rows}
    shown = [label for label in results.labels if label in there]
    legends = {"values": shown, **legend(shown, width)}
    own = {"field": "label", "type": "nominal", "title": None, "legend": legends}
    return {name: {**own, "scale": look.scale(name)} for name in ("color", "shape")}


def dashes(results: Results, width: int, *, is_below: bool = False) -> Spec:
    """Return the encoding of the run as a dash, with a legend where there is a baseline."""
    scale = {"domain": list(RUNS), "range": [list(each) for each in DASHES]}
    dashes = (
        {
            **(below(RUNS, width) if is_below else legend(RUNS, width)),
            "symbolStrokeColor": INK,
            "symbolSize": 500,
        }
        if results.compared
        else None
    )
    return {"field": "run", "type": "nominal", "scale": scale, "title": None, "legend": dashes}
