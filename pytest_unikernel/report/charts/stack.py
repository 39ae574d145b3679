"""Stacked bars, as several figures have them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_unikernel.report.charts.legend import below
from pytest_unikernel.report.style import PAPER, STACK, Spec

# A line of paper parts neighbours that are alike in grey.
BAR = {"type": "bar", "stroke": PAPER, "strokeWidth": 1}


def shades(field: str, order: Sequence[str], width: int, numbers: Sequence[int] | None = None) -> Spec:
    """Return the encoding that gives each part of a stack its shade, with a legend below.

    Args:
        field: the field that names the parts.
        order: the parts from the foot of a stack to its top.
        width: of the plot, below which the legend is.
        numbers: which shade each has; None takes them in order.
    """
    chosen = range(len(order)) if numbers is None else numbers
    scale = {"domain": list(order), "range": [STACK[number % len(STACK)] for number in chosen]}
    own = {"field": field, "type": "nominal", "title": None, "sort": list(order)}
    return {**own, "scale": scale, "legend": below(order, width)}
