"""``--sweep-compare-fail``: regressions beyond their limit. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_unikernel.plan.tolerances import Tolerance
from pytest_unikernel.results.comparison import Comparison, Regression


def can_fail(comparison: Comparison) -> bool:
    """Return whether any figure had enough trials to be tested, so that the limits can fail the run."""
    return any(change.p is not None for _, change in comparison.judged() if change.metric != "verdict")


def regressions(comparison: Comparison, limits: tuple[Tolerance, ...]) -> Iterator[Regression]:
    """Yield each significant regression beyond its limit, and each step that ceased to be ok."""
    most = {limit.metric: limit for limit in limits}
    for name, change in comparison.judged():
        if change.judgement != "worse":
            continue
        limit = most.get(change.metric)
        if change.metric == "verdict" or (limit and abs(change.change or 0.0) > limit.most):
            yield Regression(name, change, limit)
