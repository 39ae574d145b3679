"""Several plots in one figure: side by side where there is room, else one below the other. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_unikernel.report.figure import WIDE
from pytest_unikernel.report.style import INK, Spec

WHOLE = 1140  # pixels of a wide figure; the legend of other charts stands beside their plot
AXIS_ROOM, NARROW_AXIS_ROOM = 90, 30  # pixels at the left of a plot, for its axis
LOOKS = ("color", "shape", "strokeDash", "strokeWidth")


def plot_width(width: int, columns: int) -> int:
    """Return the width of each of the plots of a figure."""
    return WHOLE // columns - AXIS_ROOM if width >= WIDE else width - NARROW_AXIS_ROOM


def panels(plots: Sequence[Spec], width: int, columns: int, row_room: int = 70) -> Spec:
    """Return plots as one, row by row, their axes aligned; each with its own scales and legend.

    Args:
        plots: each with its own data.
        width: of the figure.
        columns: of a wide figure; a narrow one has one.
        row_room: pixels between rows: for axis, legend and heading.
    """
    across = columns if width >= WIDE else 1
    own = dict.fromkeys(LOOKS, "independent")
    return {
        "concat": list(plots),
        "columns": across,
        "bounds": "flush",
        "spacing": {"column": AXIS_ROOM, "row": row_room},
        "resolve": {"scale": own, "legend": own},
    }


def sharing(figure: Spec) -> Spec:
    """Return plots with the same legend in each as plots with one legend for all."""
    shared = dict.fromkeys(LOOKS, "shared")
    return {**figure, "resolve": {"scale": shared, "legend": shared}}


def headed(plot: Spec, text: str) -> Spec:
    """Return a plot with a heading."""
    title = {"text": text, "anchor": "start", "color": INK, "fontSize": 12, "fontWeight": "normal"}
    return {**plot, "title": {**title, "frame": "group", "offset": 8, "limit": plot["width"] + AXIS_ROOM}}


def name_room(plot: Spec) -> Spec:
    """Return a plot with room for names at its left: some fonts are wider than that they were measured in."""
    return {**plot, "padding": {"left": 34, "top": 12, "right": 12, "bottom": 12}}


def x_titled(plot: Spec, text: str | None) -> Spec:
    """Return a plot of layers with another title of the axis that they share; None: without."""
    layers = [
        {**each, "encoding": {**each["encoding"], "x": {**each["encoding"]["x"], "title": text}}}
        for each in plot["layer"]
    ]
    return {**plot, "layer": layers}
