"""Makes an SVG of Vega's smaller: what is the default, or invisible, is left out. Pure.

A page holds the figures of every target twice, for wide and narrow screens. Vega writes every default and
coordinates to a thousandth of a pixel: a third of all bytes.
"""

from __future__ import annotations

import re
from itertools import pairwise

from pytest_unikernel.report.style import FONT

_FONT, _SIZE = f' font-family="{FONT}"', ' font-size="12px"'
_DEFAULTS = (
    _FONT,
    _SIZE,
    ' opacity="1"',
    ' stroke-dasharray="1,0"',
    ' stroke-dasharray=""',
    ' font-weight="normal"',
    ' stroke-width="1"',
    ' text-anchor="start"',
    ' transform="translate(0,0)"',
    ' pointer-events="none"',
    ' x2="0"',
    ' y2="0"',
)
# Without a fill and a stroke of its own such a path is invisible.
_EMPTY = re.compile(
    r'<path class="(?:fore|back)ground" d="[^"]*"(?: (?:pointer-events|display)="none"| opacity="1")*/>'
)
_CLASS = re.compile(r' class="([^"]*)"')
_NEEDLESS = {"mark-group", "role-scope", "role-frame"}  # nobody looks for these, nor for numbered ones
_PLACES = re.compile(r'(?<= d=")[^"]*|(?<= transform=")[^"]*')
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"-?\d+\.\d+")
_POINT = r"-?[\d.]+,-?[\d.]+"
_SUBPATH = re.compile(rf"M({_POINT}(?:L{_POINT})*)(Z?)")
_STRAIGHT = re.compile(rf"(?:{_SUBPATH.pattern})+")  # a line's or an area's path: no curves


def compact(svg: str) -> str:
    """Return the same picture in fewer bytes."""
    return _TAG.sub(_shorter, _EMPTY.sub("", svg)).replace("<svg ", f"<svg{_FONT}{_SIZE} ", 1)


def _shorter(found: re.Match[str]) -> str:
    """Return a tag without defaults, with rounded places; a text beside it may look like them."""
    tag = found[0]
    for default in _DEFAULTS:
        tag = tag.replace(default, "")
    return _PLACES.sub(_rounded, _CLASS.sub(_fewer, tag))


def _fewer(found: re.Match[str]) -> str:
    """Return a class attribute with the names that the page's script and style look for."""
    kept = [name for name in found[1].split() if name.startswith(("mark", "role-")) and name not in _NEEDLESS]
    return f' class="{" ".join(kept)}"' if kept else ""


def _rounded(found: re.Match[str]) -> str:
    """Return coordinates to a tenth of a pixel, those of a marker's outline to a hundredth."""
    if _STRAIGHT.fullmatch(found[0]):
        return _SUBPATH.sub(_relative, found[0])
    digits = 1 if found[0].startswith("translate") else 2
    return _NUMBER.sub(lambda number: _short(round(float(number[0]), digits)), found[0])


def _relative(found: re.Match[str]) -> str:
    """Return a straight path whose points are relative to the one before; no error adds up.

    Source: SVG 1.1, 8.3 (path data): ``l``, ``h`` and ``v``; their letter need not be repeated.
    """
    tenths = [tuple(round(10 * float(each)) for each in point.split(",")) for point in found[1].split("L")]
    x, y = tenths[0]
    parts, last = [f"M{_short(x / 10)},{_short(y / 10)}"], ""
    for (from_x, from_y), (to_x, to_y) in pairwise(tenths):
        letter, *moved = _move(to_x - from_x, to_y - from_y)
        for number in moved:
            text = _short(number / 10)
            between = letter if letter != last else "" if text.startswith("-") else ","
            parts.append(between + text)
            last = letter
    return "".join(parts) + found[2]


def _move(x: int, y: int) -> tuple[str, int] | tuple[str, int, int]:
    return ("h", x) if y == 0 else ("v", y) if x == 0 else ("l", x, y)


def _short(number: float) -> str:
    text = f"{int(number)}" if number == int(number) else f"{number}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
