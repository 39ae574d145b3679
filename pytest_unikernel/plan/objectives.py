"""Service level objectives: limits that a statistic of the response time must not exceed. Pure.

``p99:0.5s`` is met by a load that is ok and whose launches prove, with 95 % confidence, that the quantile is
no longer than that; it is missed if they prove that it is. See :mod:`pytest_unikernel.plan.binomial`.
"""

from __future__ import annotations

from typing import NamedTuple

from pytest_unikernel.plan import binomial
from pytest_unikernel.plan.durations import NOT_A_NUMBER, exact
from pytest_unikernel.plan.schedule import LONGEST_S
from pytest_unikernel.plan.statistics import QUANTILES

STATISTICS = (*QUANTILES, "mean")
MEAN_LAUNCHES = 10  # needed before a mean is compared to its limit
LAUNCHES_BEYOND = 10  # expected beyond a quantile in a load that can decide near its limit too
RULE = (
    "slo must be a list of STATISTIC:TIME such as p99:0.5s,p50:20ms with STATISTIC one of "
    f"{', '.join(STATISTICS)} and TIME > 0"
)


class Objective(NamedTuple):
    """A statistic of the response time, and its limit."""

    statistic: str
    limit_s: float

    @property
    def q(self) -> float | None:
        """The quantile; None for the mean."""
        return QUANTILES.get(self.statistic)

    def launches_needed(self, beyond: int = 0) -> int:
        """Return the least number of launches that can prove it met, with this many beyond its limit."""
        return MEAN_LAUNCHES if self.q is None else binomial.launches_needed(self.q, beyond)

    @property
    def launches_wanted(self) -> int:
        """The number of launches for a load of a search: the least number decides only if none is beyond."""
        return MEAN_LAUNCHES if self.q is None else round(LAUNCHES_BEYOND / (1 - self.q))

    def __str__(self) -> str:
        return f"{self.statistic}:{self.limit_s:g}s"


def read(value: object) -> tuple[Objective, ...]:
    """Return the objectives of a list such as ``p99:0.5s,p50:20ms``.

    Raises:
        ValueError: the text is no such list, or names a statistic twice; it states the rule.
    """
    objectives = [_objective(part, value) for part in value.split(",")] if isinstance(value, str) else []
    names = [objective.statistic for objective in objectives]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"{RULE}{', each once' if names else ''}, got {value!r}")
    return tuple(objectives)


def _objective(part: str, given: object) -> Objective:
    name, _, limit = part.partition(":")
    name = name.strip()
    try:
        if name not in STATISTICS:
            raise ValueError(part)
        limit_s = exact(limit)
    except NOT_A_NUMBER as error:
        raise ValueError(f"{RULE}, got {given!r}") from error
    if not 0 < limit_s <= LONGEST_S:
        raise ValueError(f"{RULE}, got {given!r}")
    return Objective(name, float(limit_s))


# one load ------------------------------------------------------------------------------------------


# a series ------------------------------------------------------------------------------------------
