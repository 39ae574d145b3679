"""The two loads of a sweep between which a host turns from keeping up to falling over. Pure."""

from __future__ import annotations

from typing import NamedTuple

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.report.series import ReportedSeries


class Turning(NamedTuple):
    """The loads; None where there is none.

    Attributes:
        knee: the fastest that was ok before the first that was not.
        beyond: the first that was not ok.
    """

    knee: ReportedLoad | None
    beyond: ReportedLoad | None

    def words(self, load: ReportedLoad) -> str:
        """Return a load's time step, and what it is."""
        step = step_text(load.step_s or 1.0)
        if load is self.beyond:
            return f"{step}, {load.verdict}"
        return f"{step}, the knee" if self.beyond is not None else f"{step}, the fastest"


def turning(series: ReportedSeries) -> Turning:
    """Return the knee of a sweep and the first load beyond it."""
    knee = series.fastest_ok()
    fastest_s = (knee.step_s if knee is not None else None) or float("inf")
    slower = (load for load in series.loads if load.verdict not in ("", "ok"))
    return Turning(knee, next((load for load in slower if (load.step_s or 0.0) < fastest_s), None))
