"""Numbers with units, as people read them."""

from __future__ import annotations

import math

DIGITS = 100  # of three digits, none is below the resolution from here on
FINEST_S = 1e-12  # no clock has a finer resolution


def duration_text(duration_s: float, resolution_s: float | None = None) -> str:
    """Return a duration for people, with the unit that suits it: ``85 µs``, ``1.2 ms``, ``3 min 05 s``.

    No digit is below the resolution of the measurement, where one is given.
    """
    if duration_s < 0:
        return f"-{duration_text(-duration_s, resolution_s)}"
    if resolution_s and duration_s < DIGITS * digit_of(resolution_s):
        return _resolved_text(duration_s, digit_of(resolution_s))
    if duration_s >= 3599.5:
        minutes = round(duration_s / 60)
        return f"{minutes // 60} h {minutes % 60:02} min"
    if duration_s >= 119.5:
        return f"{round(duration_s) // 60} min {round(duration_s) % 60:02} s"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if duration_s >= 0.9995 * scale:  # a value that would be rounded to 1,000 has the next unit
            return f"{significant(duration_s / scale)} {unit}"
    return "0 s"


def _resolved_text(duration_s: float, least_s: float) -> str:
    if duration_s < least_s / 2:
        return f"< {duration_text(least_s)}"
    return duration_text(round(duration_s / least_s) * least_s)


def digit_of(resolution_s: float) -> float:
    """Return the value of the last digit that a resolution allows: that of its own first digit, as 10^n.

    Source: GUM (JCGM 100:2008), 7.2.6: a result has no digits beyond its uncertainty's.
    """
    return 10.0 ** math.floor(math.log10(max(resolution_s, FINEST_S)) + 1e-9)


def significant(value: float, decimals: int = 2) -> str:
    """Return a number >= 0 rounded to three digits, but never before the point: ``1,024``, ``31.8``."""
    places = 0 if value >= 99.95 else 1 if value >= 9.995 else decimals
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rate_text(rate_hz: float) -> str:
    """Return a rate for people: ``1,024/s``, ``0.25/s``."""
    return f"{rate_number(rate_hz)}/s"


def rate_number(rate_hz: float) -> str:
    """Return a rate without its unit."""
    return significant(rate_hz, decimals=4)
