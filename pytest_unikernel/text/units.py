"""Numbers with units, as people read them."""

from __future__ import annotations


def duration_text(duration_s: float) -> str:
    """Return a duration for people, with the unit that suits it: ``85 µs``, ``1.2 ms``, ``3 min 05 s``."""
    if duration_s < 0:
        return f"-{duration_text(-duration_s)}"
    if duration_s >= 3599.5:
        minutes = round(duration_s / 60)
        return f"{minutes // 60} h {minutes % 60:02} min"
    if duration_s >= 119.5:
        return f"{round(duration_s) // 60} min {round(duration_s) % 60:02} s"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if duration_s >= 0.9995 * scale:  # a value that would be rounded to 1,000 has the next unit
            return f"{significant(duration_s / scale)} {unit}"
    return "0 s"


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
