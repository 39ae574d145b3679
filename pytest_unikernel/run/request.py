"""A test's request for a load."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pytest_unikernel.plan.load_plan import ColdPlan, LoadPlan
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plan.target import Target


@dataclass(frozen=True)
class Request:
    """The load that a test asks for.

    Attributes:
        fullname: names the load in a run: the test's node id, with more behind it for the loads of a search.
        series: the test's node id without the time step.
        backlog_share: the stricter rule of a search for its loads; None is the usual one.
    """

    fullname: str
    series: str
    target: Target
    settings: SweepSettings
    backlog_share: float | None = None

    @property
    def is_of_search(self) -> bool:
        """Whether a search for the knee asks, and not a time step of the series."""
        return self.backlog_share is not None

    def plan(self, step: Fraction, longest_service_s: float = 0.0) -> LoadPlan:
        """Return the plan of the load at a time step."""
        rule = {} if self.backlog_share is None else {"backlog_share": self.backlog_share}
        return self.settings.load_plan(step, longest_service_s=longest_service_s, **rule)


def settings_json(target: Target, plan: LoadPlan | ColdPlan) -> dict[str, Any]:
    """Return a record's ``settings``: loads are the same if these are equal."""
    return {**plan.as_json(), "argv": list(target.argv)}
