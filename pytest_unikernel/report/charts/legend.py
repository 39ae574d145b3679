"""The place and the width of legends: long names must not make a figure small. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_unikernel.report.figure import WIDE
from pytest_unikernel.report.style import Spec

LETTER, SYMBOL, GAP = 7, 22, 18  # pixels, generously
MOST_COLUMNS = 3


def legend(names: Iterable[str], width: int) -> Spec:
    """Return a legend at the right of a wide plot, or below a narrow one in as many columns as fit."""
    return {"orient": "right"} if width >= WIDE else below(names, width)


def below(names: Iterable[str], width: int) -> Spec:
    """Return a legend below a plot, in as many columns as fit."""
    longest = LETTER * max(map(len, names), default=1) + SYMBOL + GAP
    columns = max(1, min(MOST_COLUMNS, width // longest))
    return {"orient": "bottom", "columns": columns, "columnPadding": GAP, "labelLimit": width - SYMBOL}
