"""Makes an SVG of Vega's smaller: what is the default, or invisible, is left out. Pure.

A page holds the figures of every target twice, for wide and narrow screens. Vega writes every default and
coordinates to a thousandth of a pixel: a third of all bytes.
"""

from __future__ import annotations

import re

from pytest_unikernel.report.style import FONT

_FONT = f' font-family="{FONT}"'
_DEFAULTS = (
    _FONT,
    ' opacity="1"',
    ' stroke-dasharray="1,0"',
    ' stroke-dasharray=""',
    ' font-weight="normal"',
)
_EMPTY = re.compile(r'<path class="(?:foreground|background)" d="(?:|M0,0h0v0h0Z)"(?: [a-z-]+="none")*/>')
_PLACES = re.compile(r'(?<= d=")[^"]*|(?<= transform=")[^"]*')
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"-?\d+\.\d+")
_STRAIGHT = re.compile(r"[ML][-\d.,ML]*Z?")  # a line's or an area's path: no curves


def compact(svg: str) -> str:
    """Return the same picture in fewer bytes."""
    return _TAG.sub(_shorter, _EMPTY.sub("", svg)).replace("<svg ", f"<svg{_FONT} ", 1)


def _shorter(found: re.Match[str]) -> str:
    """Return a tag without defaults, with rounded places; a text beside it may look like them."""
    tag = found[0]
    for default in _DEFAULTS:
        tag = tag.replace(default, "")
    return _PLACES.sub(_rounded, tag)


def _rounded(found: re.Match[str]) -> str:
    """Return coordinates to a tenth of a pixel, those of markers to a hundredth."""
    digits = 1 if _STRAIGHT.fullmatch(found[0]) else 2
    return _NUMBER.sub(lambda number: _short(round(float(number[0]), digits)), found[0])


def _short(number: float) -> str:
    return f"{int(number)}" if number == int(number) else f"{number}"
