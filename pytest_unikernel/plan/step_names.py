"""Time steps as text: in ids, in tables, in messages."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

# A time step's part of an id: all of what is in the brackets, or between dashes.
STEP = re.compile(r"(?<=[\[-])(?:knee|([0-9.]+)s)(?=[\]-])")


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


def series_of(fullname: str, step_s: float | None, recorded: str | None = None) -> str:
    """Return the name of a test without its time step: the name that the steps of a sweep share.

    Other plugins put parts of their own around the step's (``[1s-1-3]``) or behind the id; the last part
    that is this step is taken out.

    Args:
        fullname: the node id, also as pytest-benchmark saves it.
        step_s: the time step in seconds; None for a test without one.
        recorded: the series as the run knew it, which counts; None in records that don't have it.
    """
    if recorded is not None or step_s is None:
        return fullname if recorded is None else recorded
    found = [each for each in STEP.finditer(fullname) if each[1] is None or _is_step(each[1], step_s)]
    return _without(fullname, found[-1]) if found else fullname


def _without(fullname: str, part: re.Match[str]) -> str:
    """Return a node id without one part of its brackets, and without brackets that are empty then."""
    before, after = fullname[: part.start()], fullname[part.end() :]
    if before.endswith("[") and after.startswith("]"):
        return before[:-1] + after[1:]
    return before + after[1:] if after.startswith("-") else before[:-1] + after


def _is_step(text: str, step_s: float) -> bool:
    try:
        return abs(float(text) - step_s) <= 1e-9 * step_s
    except ValueError:  # two points in it
        return False
