"""``--sweep-compare-fail``: regressions beyond their limit. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.plan.tolerances import Tolerance
from pytest_unikernel.results.comparison import Comparison, Regression

# The exit status where no figure that has a limit could be tested: EX_TEMPFAIL of sysexits.h, "try again
# later". pytest has 0 to 6 for itself, argparse 2.
UNTESTED = 75


def could_test(comparison: Comparison, limits: Sequence[Tolerance]) -> bool:
    """Return whether a figure with a limit could be tested at any step."""
    limited = {limit.metric for limit in limits}
    return any(change.p is not None for _, change in comparison.judged() if change.metric in limited)


def regressions(comparison: Comparison, limits: tuple[Tolerance, ...]) -> Iterator[Regression]:
    """Yield each significant regression beyond its limit, and each step that ceased to be ok."""
    most = {limit.metric: limit for limit in limits}
    for name, change in comparison.judged():
        if change.judgement != "worse":
            continue
        limit = most.get(change.metric)
        if change.metric == "verdict" or (limit and abs(change.change or 0.0) > limit.most):
            yield Regression(name, change, limit)
