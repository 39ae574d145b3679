"""Time steps as text: in ids, in tables, in messages."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction


def step_text(step_s: float) -> str:
    """Return a time step as people and ``--sweep-time-steps`` write it: ``4 s``, ``1/1024 s``, ``0.3 s``."""
    return f"{step_number(step_s)} s"


def step_number(step_s: float) -> str:
    """Return a time step in seconds: ``1/64``, ``0.3``, or by its rate where that is shorter: ``1/45.25``."""
    parts = round(1 / step_s)
    if parts >= 2 and abs(parts * step_s - 1) < 1e-9:
        return f"1/{parts}"
    number = f"{step_s:.9f}".rstrip("0").rstrip(".")
    rate = f"{1 / step_s:.9f}".rstrip("0").rstrip(".")
    return f"1/{rate}" if step_s < 1 and len(rate) + 2 < len(number) else number


def text(step: Fraction) -> str:
    """Return a step in seconds as plain decimal text, never with an exponent: ``0.0009765625``."""
    decimal = Decimal(repr(float(step)))
    plain = format(decimal, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def step_id(step: Fraction) -> str:
    """Return the id of a swept test: ``4s``, ``0.5s``, ``0.0009765625s``."""
    return f"{text(step)}s"
