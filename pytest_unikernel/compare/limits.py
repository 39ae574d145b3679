"""``--sweep-compare-fail``: which changes for the worse are too large. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_unikernel.compare.outcome import Change, Comparison
from pytest_unikernel.plan.tolerances import Tolerance


class Regression(NamedTuple):
    """A change that is worse than it may be."""

    name: str
    change: Change
    limit: Tolerance | None

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


def regressions(comparison: Comparison, limits: tuple[Tolerance, ...]) -> Iterator[Regression]:
    """Yield what is worse by evidence and by more than its limit, and every step that is ok no more."""
    most = {limit.metric: limit for limit in limits}
    for name, change in comparison.judged():
        if change.judgement != "worse":
            continue
        limit = most.get(change.metric)
        if change.metric == "verdict" or (limit and abs(change.change or 0.0) > limit.most):
            yield Regression(name, change, limit)
