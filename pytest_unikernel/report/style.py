"""The style of figures: colours, markers and dashes, distinct for all colour vision and in grey. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# The colours of series were searched for: at least 20 CIELAB units apart for common sight and each kind of
# colour blindness, 3:1 against the page, light and dark. A test computes it.
INK, SOFT, GRID, PAPER = "#1b1b1f", "#5c5f66", "#dfe1e6", "#ffffff"
SERIES = (
    "#0995fe", "#9d1103", "#0a854a", "#b339a7", "#a9810c",
    "#032e4a", "#939393", "#563ff8", "#3d1b0d", "#555555",
)  # fmt: skip
SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "triangle-down",
    "cross",
    "triangle-right",
    "triangle-left",
)
# From dark to light, so that a stack reads in grey; neighbours are also parted by a line of paper. The last
# is of what is left, far from all others: lighter, and darker on dark paper.
STACK = ("#2b1e5e", "#35508c", "#1f7f8c", "#35a779", "#8bc34a", "#dcd038", "#f0ab7c", "#e6e6e6")
# Verdicts; each also has a marker of its own, and its word.
GOOD, FAIR, BAD = "#1a7f5a", "#a65a00", "#b00020"
DARK = {
    GOOD: "#5fd3a4",
    FAIR: "#f0a54a",
    BAD: "#ff7b86",
    INK: "#eceef2",
    SOFT: "#a3a8b3",
    GRID: "#33363d",
    PAPER: "#16181d",
    **dict(zip(
        SERIES,
        (
            "#20a7f4", "#f81714", "#7bffbd", "#c010a4", "#fded60",
            "#c1e9fe", "#acacac", "#7353f9", "#e58a62", "#6c6c6c",
        ),
        strict=True,
    )),
    **dict(zip(
        STACK,
        ("#7c6bd6", "#5d86d6", "#2fa3b3", "#4cc793", "#9bd65c", "#ece15a", "#f5c3a0", "#4a4d55"),
        strict=True,
    )),
}  # fmt: skip
RUNS = ("current", "baseline")
DASHES = ([1, 0], [6, 4])
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

Spec = dict[str, Any]


def config() -> Spec:
    """Return the configuration that all figures share."""
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12}
    axis = {**text, "titleFontWeight": "normal", "gridColor": GRID, "domainColor": SOFT, "tickColor": SOFT}
    return {
        "aria": True,  # marks carry a text of ours (hover.py); what Vega makes up is taken out again
        "background": PAPER,
        "font": FONT,
        "axis": {**axis, "titlePadding": 8, "aria": False},
        "legend": {
            **text,
            "aria": False,
            "titleFontWeight": "normal",
            "labelLimit": 220,
            "layout": {"bottom": {"direction": "vertical", "anchor": "start", "margin": 8}},
            "symbolStrokeWidth": 2,
        },
        "view": {"stroke": None},
    }


def color_of(number: int) -> str:
    """Return the colour of the label with that number."""
    return SERIES[number % len(SERIES)]


def shape_of(number: int) -> str:
    """Return the marker of a label: colours and markers come again at different intervals, so pairs don't."""
    return SHAPES[number % len(SHAPES)]


@dataclass(frozen=True)
class Appearance:
    """The style of each label, the same throughout a report."""

    labels: Sequence[str]

    def of(self, label: str) -> dict[str, str]:
        """Return a label's colour and marker, for rows that carry them along."""
        number = self.labels.index(label)
        return {"color": color_of(number), "shape": shape_of(number)}

    def scale(self, name: str) -> Spec:
        """Return the scale that gives each label its ``color`` or its ``shape``."""
        return {"domain": list(self.labels), "range": [self.of(label)[name] for label in self.labels]}


def carried(name: str) -> Spec:
    """Return the encoding of a colour or a marker that the rows carry: it has no legend."""
    return {"field": name, "type": "nominal", "scale": None}
