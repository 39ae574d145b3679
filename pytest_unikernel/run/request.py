"""A test's request for a load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plan.target import Target


@dataclass(frozen=True)
class Request:
    """What a test asks for.

    Attributes:
        fullname: names the load in a run; the test's node id, for a search's loads with more behind it.
        series: the test's node id without the time step.
        backlog_share: a search's own rule for its loads; None is the usual one.
    """

    fullname: str
    series: str
    target: Target
    settings: SweepSettings
    backlog_share: float | None = None

    def asked(self, step: Fraction) -> dict[str, Any]:
        """Return what must be equal for two loads to be the same: window, warm-up's rule, launch."""
        rule = {} if self.backlog_share is None else {"backlog_share": self.backlog_share}
        return {**_asked(self.target, self.settings, step), **rule}

    def plan(self, step: Fraction, longest_service_s: float) -> LoadPlan:
        """Return the load to run."""
        plan = _plan(self.settings, step, longest_service_s)
        return plan if self.backlog_share is None else replace(plan, backlog_share=self.backlog_share)


def _asked(target: Target, settings: SweepSettings, step: Fraction) -> dict[str, Any]:
    return {
        "profile": settings.profile,
        "warmup_s": settings.warmup_s,
        "max_warmup_s": settings.max_warmup_s,
        "window_s": settings.window_for(step),
        "trials": settings.trials,
        "order": settings.order,
        "arrivals": settings.arrivals,
        "seed": settings.seed,
        "drain_timeout_s": settings.drain_timeout_s,
        **launching(target, settings),
    }


def launching(target: Target, settings: SweepSettings) -> dict[str, Any]:
    """Return what must be equal in two launches: limits, CPUs, command line."""
    cpus = None if settings.cpus is None else sorted(settings.cpus)
    limits = {"timeout_s": settings.timeout_s, "max_in_flight": settings.max_in_flight, "cpus": cpus}
    return {**limits, "argv": list(target.argv)}


def _plan(settings: SweepSettings, step: Fraction, longest_service_s: float) -> LoadPlan:
    return LoadPlan(
        step=step,
        warmup_s=settings.warmup_s,
        max_warmup_s=settings.max_warmup_s,
        window_s=settings.window_for(step),
        drain_timeout_s=settings.drain_timeout_s,
        trials=settings.trials,
        arrivals=settings.arrivals,
        seed=settings.seed,
        longest_service_s=longest_service_s,
    )
