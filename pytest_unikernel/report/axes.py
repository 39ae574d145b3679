"""Axes with units: log scales whose ticks people read, time steps as fractions. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pytest_unikernel.report.style import Spec

# In expressions datum.value is a tick's number: no text of a test is ever part of one.
DURATION = (
    "datum.value == 0 ? '0' : datum.value >= 0.9999 ? format(datum.value, ',~r') + ' s' : "
    "datum.value >= 0.0009999 ? format(datum.value * 1e3, '~r') + ' ms' : "
    "datum.value >= 9.999e-7 ? format(datum.value * 1e6, '~r') + ' µs' : "
    "format(datum.value * 1e9, '~r') + ' ns'"
)
NUMBER = "format(datum.value, ',~r')"
# Two lines: the time step, and below it the launches per second.
STEP = (
    "[(datum.value < 0.75 && abs(round(1 / datum.value) * datum.value - 1) < 1e-6 ? "
    "'1/' + round(1 / datum.value) : format(datum.value, '~r')) + ' s', "
    "format(1 / datum.value, ',~r') + '/s']"
)

ROOM = 1.25  # between the outermost values and the ends of a log axis


def log_domain(values: Iterable[float]) -> tuple[float, float]:
    """Return the ends of a log scale around positive values, with some room."""
    known = list(values)
    return min(known) / ROOM, max(known) * ROOM


def log_ticks(low: float, high: float) -> list[float]:
    """Return ticks between two positive numbers: decades, and steps between them where those are few."""
    decades = math.log10(high / low)
    parts = (
        (1,) if decades > 2.2 else (1, 3) if decades > 1.2 else (1, 2, 5) if decades > 0.5 else range(1, 10)
    )
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [part * 10.0**power for power in powers for part in parts]
    return [tick for tick in ticks if low <= tick <= high]


def log_axis(field: str, values: Iterable[float], title: str, label: str) -> Spec:
    """Return the encoding of a positive quantity on a log scale that encloses the values."""
    low, high = log_domain(values)
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"type": "log", "domain": [low, high], "nice": False},
        "axis": {"values": log_ticks(low, high), "labelExpr": label, "labelOverlap": "greedy"},
    }


def linear_axis(field: str, title: str, label: str, highest: float | None = None) -> Spec:
    """Return the encoding of a quantity from 0 on."""
    domain = {} if highest is None else {"domain": [0, highest]}
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"zero": True, **domain},
        "axis": {"labelExpr": label, "tickCount": 5},
    }


def step_axis(steps_s: Sequence[float]) -> Spec:
    """Return the encoding of the time step: a log scale, slow on the left, fast on the right."""
    slowest, fastest = max(steps_s), min(steps_s)
    first, last = math.ceil(math.log2(slowest) - 1e-9), math.floor(math.log2(fastest) + 1e-9)
    room = 2**0.25
    return {
        "field": "step",
        "type": "quantitative",
        "title": "time step, and launches per second",
        "scale": {"type": "log", "base": 2, "domain": [slowest * room, fastest / room], "nice": False},
        "axis": {
            "values": [2.0**power for power in range(first, last - 1, -1)],
            "labelExpr": STEP,
            "labelOverlap": "parity",
            "labelSeparation": 5,
            "labelFlush": False,
        },
    }
