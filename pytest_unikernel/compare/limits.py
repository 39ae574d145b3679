"""``--sweep-compare-fail``: which changes for the worse are too large. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_unikernel.plan.tolerances import Tolerance
from pytest_unikernel.results.comparison import Comparison, Regression


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
