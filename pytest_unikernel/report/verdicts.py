"""The look of verdicts: a colour, a marker and the word itself, so that colour is never alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pytest_unikernel.report.style import BAD, FAIR, GOOD, INK, SOFT, Spec


class Look(NamedTuple):
    """The look of a verdict: the marker in figures, the character in front of the word in tables."""

    color: str
    shape: str
    sign: str


UNKNOWN = "no verdict"
LOOKS = {
    "ok": Look(GOOD, "circle", "●"),
    "saturated": Look(FAIR, "triangle-up", "▲"),
    "failing": Look(BAD, "cross", "✚"),
    "generator-bound": Look(SOFT, "diamond", "◆"),
    "interrupted": Look(SOFT, "square", "■"),
    UNKNOWN: Look(INK, "stroke", "○"),
}


def scale(verdicts: Iterable[str], name: str) -> Spec:
    """Return the scale that gives each verdict its ``color`` or its ``shape``."""
    found = in_order(verdicts)
    return {"domain": found, "range": [getattr(LOOKS[each], name) for each in found]}


def in_order(verdicts: Iterable[str]) -> list[str]:
    """Return verdicts once each, the best first."""
    found = set(verdicts)
    return [each for each in LOOKS if each in found]


def word_in(text: str) -> str:
    """Return the verdict that a cell says, alone or in brackets at its end; empty where there is none."""
    word = text.rpartition("(")[2].removesuffix(")") if text.endswith(")") else text
    return word if word in LOOKS else ""


def css_class(verdict: str) -> str:
    """Return the class of a cell that says a verdict."""
    return f"verdict-{verdict.replace(' ', '-')}"
