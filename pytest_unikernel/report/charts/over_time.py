"""A load over its seconds, at the knee and beyond it: how a host keeps up, and how it falls over. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from pytest_unikernel.report.axes import DURATION, NUMBER, linear_axis, log_axis
from pytest_unikernel.report.charts.lines import Row
from pytest_unikernel.report.charts.panels import headed, panels, plot_width, x_titled
from pytest_unikernel.report.charts.turning import turning
from pytest_unikernel.report.course import Bin, bins_of
from pytest_unikernel.report.figure import WIDE, Figure, file_name, layered
from pytest_unikernel.report.hover import DESCRIBED, about
from pytest_unikernel.report.series import ReportedSeries, Results
from pytest_unikernel.report.style import GRID, INK, PAPER, SOFT, Appearance, Spec, carried
from pytest_unikernel.text.units import duration_text

HEIGHT = 110
ROW_ROOM, NARROW_ROW_ROOM = 64, 84
LEGEND = {"orient": "bottom", "columns": 3, "columnPadding": 14, "symbolSize": 200, "offset": 4}
SLICES = 10  # of a plot, with a text each: more would make the page large
CAPTION = (
    "The worst trial at the knee and at the first time step that was not ok, from the first launch of the "
    "warm-up on, with the same scales. Grey: the window that is measured. Top: launches so far; where the "
    "curves part, launches pile up. Bottom: response time, median and longest, and the largest lateness "
    "of the launches that were due then; a gap: none of them completed."
)


class Look(NamedTuple):
    """The style of a line: None is the target's colour."""

    name: str
    key: str
    color: str | None = None
    width: float = 1.2
    dash: tuple[int, int] = (1, 0)


COUNTS = (
    Look("started", "started", SOFT, 1.4, (5, 2)),
    Look("completed", "completed", None, 2.2),
    Look("failed", "failed", INK, 2.0, (2, 2)),
)
TIMES = (
    Look("median", "response_p50_s", None, 2.2),
    Look("longest", "response_max_s", None, 1.4, (2, 2)),
    Look("lateness", "lateness_max_s", SOFT, 1.6, (5, 3)),
)


class Shown(NamedTuple):
    """A load that is shown: its heading, its bins, its window's length."""

    words: str
    label: str
    bins: list[Bin]
    window_s: float


class Canvas(NamedTuple):
    """The target's colour, and the size of each plot."""

    color: str
    size: tuple[int, int]


def figures(results: Results) -> Iterator[Figure]:
    """Yield a figure for each target that was swept now and whose records have a course."""
    for series in results.sweeps:
        shown = list(_shown(series)) if series.run == "current" else []
        if shown:
            color = Appearance(results.labels).of(series.label)["color"]
            name, title = file_name("over-time", series.label), f"Over time: {series.label}"
            plot = partial(_plot, shown, color)
            yield Figure(name, title, CAPTION, "Over time", WIDE, plot, has_narrow=True, target=series.label)


def _shown(series: ReportedSeries) -> Iterator[Shown]:
    found = turning(series)
    for load in found:
        bins = bins_of(load) if load is not None else []
        if load is not None and bins:
            window_s = load.number("over_time", "window_s") or 0.0
            yield Shown(found.words(load), series.label, bins, window_s)


def _plot(shown: Sequence[Shown], color: str, width: int) -> Spec:
    columns = len(shown) if width >= WIDE else 1
    canvas = Canvas(color, (plot_width(width, max(2, len(shown))), HEIGHT))
    by_load = [[kind(load, shown, canvas) for kind in (_counts, _in_flight, _times)] for load in shown]
    across = by_load if columns == 1 else [list(row) for row in zip(*by_load, strict=True)]
    return panels(
        [plot for row in across for plot in row], width, columns, ROW_ROOM if columns > 1 else NARROW_ROW_ROOM
    )


def _counts(load: Shown, shown: Sequence[Shown], canvas: Canvas) -> Spec:
    """Return the launches so far: where the curves part, launches pile up."""
    looks = [look for look in COUNTS if look.key != "failed" or any(one.failed for one in _all(shown))]
    most = max(sum(getattr(one, look.key) for one in each.bins) for each in shown for look in looks)
    rows = [{"name": look.name, **row} for look in looks for row in _so_far(load, look.key)]
    y = linear_axis("value", "launches so far", NUMBER, float(most or 1))
    return headed(_lines(load, rows, looks, y, canvas), load.words)


def _so_far(load: Shown, key: str) -> Iterator[Row]:
    yield {"x": load.bins[0].begin_s, "value": 0}
    for one, count in zip(load.bins, accumulate(getattr(one, key) for one in load.bins), strict=True):
        yield {"x": one.end_s, "value": count}


def _times(load: Shown, shown: Sequence[Shown], canvas: Canvas) -> Spec:
    known = [value for one in _all(shown) for look in TIMES if (value := getattr(one, look.key))]
    rows = [
        {"name": look.name, "x": one.middle_s, "value": getattr(one, look.key) or None}
        for look in TIMES
        for one in load.bins
    ]
    y = log_axis("value", known or [1.0], "response (log scale)", DURATION)
    return x_titled(_lines(load, rows, TIMES, y, canvas), "seconds since the window began")


def _in_flight(load: Shown, shown: Sequence[Shown], canvas: Canvas) -> Spec:
    most = max(one.in_flight_max for one in _all(shown))
    y = {**linear_axis("value", "in flight", NUMBER, float(most or 1)), "stack": None}
    y["axis"] = {**y["axis"], "tickMinStep": 1}
    area = {
        "type": "area",
        "color": canvas.color,
        "fillOpacity": 0.35,
        "line": {"color": canvas.color, "strokeWidth": 1.5},
    }
    rows = [{"x": one.middle_s, "value": one.in_flight_max} for one in load.bins]
    layer = {"mark": area, "encoding": {"x": _x(load), "y": y}}
    return layered(rows, [*_behind(load), layer, *_slices(load)], *canvas.size)


def _all(shown: Sequence[Shown]) -> list[Bin]:
    return [one for load in shown for one in load.bins]


def _lines(load: Shown, rows: Sequence[Row], looks: Sequence[Look], y: Spec, canvas: Canvas) -> Spec:
    names = [look.name for look in looks]
    own = {
        "field": "name",
        "type": "nominal",
        "title": None,
        "sort": names,
        "legend": LEGEND,
    }
    ranges = {
        "color": [look.color or canvas.color for look in looks],
        "strokeDash": [list(look.dash) for look in looks],
    }
    scales = {key: {**own, "scale": {"domain": names, "range": each}} for key, each in ranges.items()}
    widths = {look.name: look.width for look in looks}
    line = {
        "mark": {"type": "line"},
        "encoding": {"x": _x(load), "y": y, **scales, "strokeWidth": carried("width")},
    }
    return layered(
        [{**row, "width": widths[row["name"]]} for row in rows],
        [*_behind(load), line, *_slices(load)],
        *canvas.size,
    )


def _x(load: Shown) -> Spec:
    ends = [load.bins[0].begin_s, load.bins[-1].end_s]
    axis = {"tickCount": 6, "grid": False, "labelExpr": NUMBER}
    scale = {"domain": ends, "nice": False, "zero": False}
    return {"field": "x", "type": "quantitative", "title": None, "scale": scale, "axis": axis}


def _behind(load: Shown) -> list[Spec]:
    """Return the window, as a plane behind the lines."""
    return [
        {
            "data": {"values": [{"x": 0, "end": load.window_s}]},
            "mark": {"type": "rect", "color": GRID, "opacity": 0.5},
            "encoding": {"x": _x(load), "x2": {"field": "end"}},
        }
    ]


def _slices(load: Shown) -> list[Spec]:
    """Return planes that nobody sees, each with the text of its instants."""
    rows = list(_spoken(load))
    mark = {"type": "rect", "fill": PAPER, "fillOpacity": 0}
    return [
        {
            "data": {"values": rows},
            "mark": mark,
            "encoding": {"x": _x(load), "x2": {"field": "end"}, **DESCRIBED},
        }
    ]


def _spoken(load: Shown) -> Iterator[Row]:
    each = -(-len(load.bins) // SLICES)
    for at in range(0, len(load.bins), each):
        part = load.bins[at : at + each]
        ends = {"x": part[0].begin_s, "end": part[-1].end_s}
        yield {**ends, "about": about(load.label, [load.words, *_words(part)])}


def _words(part: Sequence[Bin]) -> Iterator[str]:
    yield f"second {part[0].begin_s:.2f} to {part[-1].end_s:.2f}"
    for name in ("started", "completed", "failed"):
        count = sum(getattr(one, name) for one in part)
        if count or name != "failed":
            yield f"{name} {count:,}"
    yield f"in flight at most {max(one.in_flight_max for one in part):,}"
    for name, key in (("longest response", "response_max_s"), ("largest lateness", "lateness_max_s")):
        known = [value for one in part if (value := getattr(one, key)) is not None]
        if known:
            yield f"{name} {duration_text(max(known))}"
