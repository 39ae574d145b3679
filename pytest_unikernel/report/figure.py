"""A figure: a name, words, and one specification, drawn for the page and the files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.report.style import INK, SCHEMA, Spec, config

WIDE, SMALL, NARROW = 860, 320, 280  # of the plot alone, in CSS pixels
TITLE_ROOM = 60  # pixels by which a title may be wider than the plot: the width of the axis


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        name: of its files and its place in the page: ``latency``, ``distribution-linux_process``.
        title: its subject, for people.
        caption: how to read it.
        section: the heading it stands under in the page.
        width: of the plot.
        plot: makes the specification for a width, without the parts that all figures share.
        has_narrow: it is drawn a second time for narrow screens.
        target: the label of the target that it shows alone; the page's filter hides it with that target.
    """

    name: str
    title: str
    caption: str
    section: str
    width: int
    plot: Callable[[int], Spec]
    has_narrow: bool = False
    target: str = ""

    def spec(self, width: int | None = None) -> Spec:
        """Return the Vega-Lite specification; None draws it as wide as it is meant to be."""
        plot = self.plot(width or self.width)
        title = {"text": self.title, "color": INK, "anchor": "start", "fontSize": 13, "offset": 12}
        limit = plot.get("width", width or self.width) + TITLE_ROOM
        shared = {"$schema": SCHEMA, "padding": 12, "title": {**title, "limit": limit}, "config": config()}
        return {**shared, **plot}


def layered(rows: Sequence[Mapping[str, Any]], layers: Sequence[Spec], width: int, height: int) -> Spec:
    """Return a plot of layers over the same rows."""
    return {"width": width, "height": height, "data": {"values": list(rows)}, "layer": list(layers)}


def file_name(kind: str, label: str) -> str:
    """Return a figure's name for a label; other characters become underscores."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "_" for each in label)
    return f"{kind}-{plain.strip('_')}"
