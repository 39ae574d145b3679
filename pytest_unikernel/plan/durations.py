"""Durations as people write them, read exactly: ``0.5``, ``1/64``, ``250ms``, ``2 s``, ``1min``. Pure.

Every option, ini key and keyword of the marker that takes a time is read by this.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from numbers import Rational

UNITS_S = {
    "": Fraction(1),
    "s": Fraction(1),
    "ms": Fraction(1, 10**3),
    "us": Fraction(1, 10**6),
    "\u00b5s": Fraction(1, 10**6),  # the micro sign
    "\u03bcs": Fraction(1, 10**6),  # the Greek letter, which looks the same
    "ns": Fraction(1, 10**9),
    "min": Fraction(60),
    "h": Fraction(3600),
}
EXAMPLES = "a time such as 250ms, 1/64 or 1min"  # for error texts and help
MAX_MAGNITUDE = 30  # decimal digits before or after the point; "1e999999999" would fill the memory
NOT_A_NUMBER = (ValueError, TypeError, OverflowError, ZeroDivisionError, ArithmeticError)

_UNIT = re.compile(rf"\s*({'|'.join(sorted(filter(None, UNITS_S), key=len, reverse=True))})$")


def exact(value: object) -> Fraction:
    """Return a duration in seconds as an exact fraction: a number of seconds, or text with an optional unit.

    Raises:
        NOT_A_NUMBER: one of these, for text that is no duration, NaN, infinities, booleans, other types.
    """
    if isinstance(value, bool):
        raise TypeError("a truth value is not a number")
    if isinstance(value, str):
        number, unit_s = _parts(value)
        return _fraction(number) * unit_s
    return _fraction(value)


def _fraction(value: object) -> Fraction:
    if isinstance(value, Decimal) and value and abs(value.adjusted()) > MAX_MAGNITUDE:
        raise ValueError("too many digits")
    if isinstance(value, (Rational, float, Decimal)):
        return Fraction(value)
    raise TypeError("not a number")


def _parts(text: str) -> tuple[Fraction | Decimal, Fraction]:
    """Return the number and the unit, in seconds, of a text."""
    text = text.strip()
    unit = _UNIT.search(text)
    if unit is None:
        return _number(text), UNITS_S[""]
    return _number(text[: unit.start()]), UNITS_S[unit[1]]


def _number(text: str) -> Fraction | Decimal:
    number = re.sub(r"\s*/\s*", "/", text)
    if re.fullmatch(r"1/[0-9]{1,9}\.[0-9]{1,9}", number):  # 1/45.25: a step by its rate
        return 1 / Fraction(number.removeprefix("1/"))
    return Fraction(number) if "/" in number else Decimal(number)
