"""``--sweep-compare-fail``: which changes for the worse are too large. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_unikernel.compare.outcome import Change, Comparison

LIMITED = ("throughput", "knee", "p50", "p90", "p99", "failure_rate")
RULE = f"a list of METRIC:PERCENT such as p50:20%,knee:20% with METRIC one of {', '.join(LIMITED)}"


class Limit(NamedTuple):
    """How much worse a metric may be: 0.2 is 20 %; of the failure rate 20 percentage points."""

    metric: str
    most: float

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.metric}:{100 * self.most:g}%"


def parse(value: object, name: str = "compare_fail") -> tuple[Limit, ...]:
    """Return the limits of a list such as ``throughput:20%,p50:20%``; ``name`` is whose value it is.

    Raises:
        ValueError: an unknown metric, one that is named twice, no number of per cent >= 0.
    """
    found = [_limit(part, value, name) for part in str(value).split(",")]
    names = [limit.metric for limit in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{name} must name each metric once, got {twice!r} twice in {value!r}")
    return tuple(found)


def _limit(part: str, whole: object, name: str) -> Limit:
    match = re.fullmatch(r"\s*([a-z_0-9]+)\s*:\s*([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*%?\s*", part)
    if match is None or match[1] not in LIMITED:
        raise ValueError(f"{name} must be {RULE}, got {whole!r}")
    return Limit(match[1], float(match[2]) / 100)


class Regression(NamedTuple):
    """A change that is worse than it may be."""

    name: str
    change: Change
    limit: Limit | None

    @property
    def text(self) -> str:
        """The regression in words, without the name of the test."""
        if self.limit is None:
            return f"verdict {self.change.why}"
        change = 100 * (self.change.change or 0.0)
        points = " points" if self.change.metric == "failure_rate" else "%"
        return f"{self.change.metric} {change:+.1f}{points} (limit {self.limit})"


def can_fail(comparison: Comparison) -> bool:
    """Whether there were enough trials anywhere for a figure to be worse by evidence."""
    return any(change.p is not None for _, change in comparison.judged() if change.metric != "verdict")


def regressions(comparison: Comparison, limits: tuple[Limit, ...]) -> Iterator[Regression]:
    """Yield what is worse by evidence and by more than its limit, and every step that is ok no more."""
    most = {limit.metric: limit for limit in limits}
    for name, change in comparison.judged():
        if change.judgement != "worse":
            continue
        limit = most.get(change.metric)
        if change.metric == "verdict" or (limit and abs(change.change or 0.0) > limit.most):
            yield Regression(name, change, limit)
