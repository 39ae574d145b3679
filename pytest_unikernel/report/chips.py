"""The page's filter by target: a box for each, with the marker and the colour of its lines. Pure.

It is hidden until the page's script shows it, since it can't do anything without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from pytest_unikernel.report.style import Appearance

# Markers in a box of 12 x 12 around 0, as Vega draws them.
PATHS = {
    "circle": "M4.5 0A4.5 4.5 0 1 1 -4.5 0A4.5 4.5 0 1 1 4.5 0Z",
    "square": "M-4 -4H4V4H-4Z",
    "triangle-up": "M0 -4.5L5 4.5H-5Z",
    "triangle-down": "M0 4.5L-5 -4.5H5Z",
    "triangle-right": "M4.5 0L-4.5 5V-5Z",
    "triangle-left": "M-4.5 0L4.5 5V-5Z",
    "diamond": "M0 -5.5L5.5 0L0 5.5L-5.5 0Z",
    "cross": "M-5 -2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",
}


def chips(labels: Sequence[str]) -> Iterator[str]:
    """Yield the filter; nothing for one target, which there is no reason to hide."""
    if len(labels) < 2:
        return
    yield '<form class="filter" hidden><fieldset><legend>Targets</legend>'
    yield '<button type="button" value="all">all</button><button type="button" value="none">none</button>'
    look = Appearance(labels)
    yield from (_chip(label, **look.of(label)) for label in labels)
    yield '</fieldset></form><p class="unshown"></p>'


def _chip(label: str, color: str, shape: str) -> str:
    marker = (
        f'<svg aria-hidden="true" width="12" height="12" viewBox="-6 -6 12 12">'
        f'<path d="{PATHS[shape]}" fill="{color}"/></svg>'
    )
    box = f'<input type="checkbox" checked value="{escape(label)}">'
    return f"<label>{box}{marker}{escape(label)}</label>"
