"""Figures drawn: SVG by Vega, PNG from the SVG. The only module that knows the drawing library.

vl-convert is one wheel without dependencies that draws Vega-Lite offline. Measured against matplotlib, a
figure takes a quarter of the time; its SVG is themed by a style sheet, and the PNG is made of the SVG.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pytest_unikernel.errors import ReportError
from pytest_unikernel.report.compact import compact
from pytest_unikernel.report.figure import NARROW, Figure
from pytest_unikernel.report.hover import marked

LIBRARY = "vl_convert"
PNG_SCALE = 2.0  # sharp on screens with two pixels for one


@dataclass(frozen=True)
class Picture:
    """A drawn figure; ``narrow`` is the SVG for narrow screens, empty where the other fits them too."""

    figure: Figure
    svg: str
    narrow: str
    png: bytes


def check_library() -> None:
    """Refuse to start without the library that draws.

    Raises:
        ReportError: the drawing library is missing.
    """
    if importlib.util.find_spec(LIBRARY) is None:
        raise ReportError(
            "a report needs vl-convert, which is not installed: pip install 'pytest-unikernel[report]'"
        )


def draw(figures: Sequence[Figure]) -> Iterator[Picture]:
    """Yield the figures drawn, in their order.

    Raises:
        ReportError: the drawing library is missing, or can't draw one of them.
    """
    check_library()
    vega = ThreadPoolExecutor(1)  # a PNG is made while the next SVG is
    try:
        for figure, drawn, narrow in vega.map(_svgs, figures):
            yield Picture(figure, drawn, narrow, _png(drawn))
    finally:
        vega.shutdown(cancel_futures=True)  # Ctrl-C doesn't wait for the rest


def _svgs(figure: Figure) -> tuple[Figure, str, str]:
    return figure, svg(figure), svg(figure, NARROW) if figure.has_narrow else ""


def svg(figure: Figure, width: int | None = None) -> str:
    """Return a figure drawn; without a width it is as wide as it is meant to be.

    Raises:
        ReportError: the library can't draw it.
    """
    import vl_convert  # noqa: PLC0415 - 80 MiB, for reports only

    try:
        # No address is allowed: a specification holds all its data.
        svg = vl_convert.vegalite_to_svg(_drawable(figure.spec(width)), allowed_base_urls=[])
    except (ValueError, TypeError) as error:  # TypeError: something that JSON has no word for
        raise ReportError(f"can't draw the figure {figure.name!r}: {error}") from error
    return compact(marked(svg))


def _drawable(spec: object) -> str:
    """Return a specification without the characters that Vega would cut in two where a label is too long."""
    text = json.dumps(spec, ensure_ascii=False)
    return re.sub("[\U00010000-\U0010ffff]", lambda found: f"U+{ord(found[0]):X}", text)


def _png(drawn: str) -> bytes:
    import vl_convert  # noqa: PLC0415 - see above

    return bytes(vl_convert.svg_to_png(drawn, scale=PNG_SCALE))
