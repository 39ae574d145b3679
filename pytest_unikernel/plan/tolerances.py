"""Tolerances of a comparison: how much worse a metric may become (``p50:20%``)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

LIMITED = ("throughput", "knee", "p50", "p90", "p99", "failure_rate")
RULE = f"a list of METRIC:PERCENT such as p50:20%,knee:20% with METRIC one of {', '.join(LIMITED)}"


class Tolerance(NamedTuple):
    """The allowed regression of a metric: 0.2 is 20 %; for the failure rate 20 percentage points."""

    metric: str
    most: float

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.metric}:{100 * self.most:g}%"


def parse(value: object, name: str = "compare_fail") -> tuple[Tolerance, ...]:
    """Return the limits of a list such as ``throughput:20%,p50:20%``; ``name`` is whose value it is.

    Raises:
        ValueError: an unknown or repeated metric, or no number of per cent >= 0.
    """
    found = [_limit(part, value, name) for part in str(value).split(",")]
    names = [limit.metric for limit in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{name} must name each metric once, got {twice!r} twice in {value!r}")
    return tuple(found)


def _limit(part: str, whole: object, name: str) -> Tolerance:
    found = share_of(part, LIMITED)
    if found is None:
        raise ValueError(f"{name} must be {RULE}, got {whole!r}")
    return Tolerance(*found)


def share_of(text: str, metrics: Collection[str]) -> tuple[str, float] | None:
    """Return metric and share of ``METRIC:PERCENT``; None for any other text."""
    match = re.fullmatch(r"\s*([a-z_0-9]+)\s*:\s*([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*%?\s*", text)
    return (match[1], float(match[2]) / 100) if match is not None and match[1] in metrics else None
