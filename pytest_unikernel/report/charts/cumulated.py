"""The share of launches that were ready within a time, a curve per time step (an empirical CDF). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_unikernel.report.axes import DURATION, ROOM, linear_axis, log_axis
from pytest_unikernel.report.charts.legend import below
from pytest_unikernel.report.charts.lines import Row
from pytest_unikernel.report.charts.panels import headed
from pytest_unikernel.report.charts.turning import Turning, turning
from pytest_unikernel.report.figure import layered
from pytest_unikernel.report.histogram import histogram
from pytest_unikernel.report.hover import OF_LINE, about_load
from pytest_unikernel.report.series import ReportedSeries
from pytest_unikernel.report.style import INK, SOFT, Spec, carried

OTHERS = "other time steps"
THIN, THICK = 1.0, 2.2
Look = tuple[str, list[int]]  # colour and dash


def share_plot(series: ReportedSeries, color: str, ends: Sequence[float], size: tuple[int, int]) -> Spec:
    """Return the curves of a target; the knee and the first load beyond it stand out.

    Args:
        series: the target's sweep.
        color: the target's.
        ends: the ends of the time axis.
        size: width and height of the plot.
    """
    marked = turning(series)
    rows = sorted(_rows(series, marked, max(ends) * ROOM), key=lambda row: row["rank"])
    looks: dict[str, Look] = {}
    looks[_role(marked.knee, marked)] = (color, [1, 0])
    looks[_role(marked.beyond, marked)] = (INK, [6, 3])
    looks[OTHERS] = (SOFT, [1, 0])
    there = [role for role in looks if any(row["role"] == role for row in rows)]
    encoding = {
        "x": log_axis("x", ends, "response time (log scale)", DURATION),
        "y": linear_axis("share", "ready within, % of all launches", "datum.value", 100),
        "detail": {"field": "step"},
        **_scales(looks, there, size[0]),
        "strokeWidth": carried("width"),
        **OF_LINE,
    }
    mark = {"type": "line", "interpolate": "step-after", "clip": True}
    return headed(layered(rows, [{"mark": mark, "encoding": encoding}], *size), "Ready within a time")


def _scales(looks: Mapping[str, Look], there: Sequence[str], width: int) -> Spec:
    """Return colour, width and dash by role, with a legend of the roles that are there."""
    legend = {**below(there, width), "symbolSize": 300, "values": list(there)} if there != [OTHERS] else None
    own = {"field": "role", "type": "nominal", "title": None, "sort": list(looks), "legend": legend}
    return {
        name: {**own, "scale": {"domain": list(looks), "range": [look[at] for look in looks.values()]}}
        for at, name in enumerate(("color", "strokeDash"))
    }


def _role(load: object, marked: Turning) -> str:
    known = next((each for each in marked if each is not None and each is load), None)
    return OTHERS if known is None else marked.words(known)


def _rows(series: ReportedSeries, marked: Turning, end_s: float) -> Iterator[Row]:
    for load in series.loads:
        found = histogram(load)
        if found is not None:
            role = _role(load, marked)
            rank = (0 if role == OTHERS else 1 if load is marked.knee else 2, -(load.step_s or 0.0))
            look = {"role": role, "rank": rank, "width": THIN if role == OTHERS else THICK}
            about = {**look, "step": load.step_s, "line": about_load(series, load)}
            shares = list(found.shares())
            if found.censored:  # the curve stays below 100 %, to the end of the axis
                shares.append((max(end_s, shares[-1][0]), shares[-1][1]))
            for x, share in shares:
                yield {**about, "x": x, "share": 100 * share}
