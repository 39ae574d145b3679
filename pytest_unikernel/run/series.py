"""The steps of one swept test so far, and which steps need not be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pytest_unikernel.host.quiet import Excess
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.skips import SkipCause, WhySkipped


@dataclass
class Series:
    """What the steps of one swept test have shown so far."""

    longest_service_s: float = 0.0
    results: dict[Fraction, LoadResult] = field(default_factory=dict)

    def add(self, step: Fraction, result: LoadResult) -> None:
        """Take the result of a step."""
        self.results[step] = result
        self.longest_service_s = max(self.longest_service_s, result.service_time_s.max or 0.0)

    @property
    def longest_ok_service_s(self) -> float:
        """The longest service time of the steps that were ok.

        A search has its steps among those: times beyond the knee would make it warm up for minutes.
        """
        times = (result.service_time_s.max for result in self.results.values() if result.verdict == "ok")
        return max((time_s or 0.0 for time_s in times), default=0.0)

    def why_not(self, step: Fraction) -> WhySkipped | None:
        """Return why a step need not be run: a slower one was not ok. None if it must be run."""
        ended = [each for each, result in self.results.items() if each > step and result.verdict != "ok"]
        if not ended:
            return None
        slowest = max(ended)
        return WhySkipped(SkipCause.SLOWER_NOT_OK, slowest, self.results[slowest].verdict)


@dataclass(frozen=True)
class FinishedLoad:
    """A finished load, for the summary.

    Attributes:
        fullname: the test's node id, with the step behind it for a load of a search.
        series: the test's node id without the time step.
        record: the load's record.
        resumed: an earlier run has measured it.
        searched: it is a load of a search, which no test is named after.
        unrest: what was not quiet before its trials; empty for a load of an earlier run.
    """

    fullname: str
    series: str
    record: Mapping[str, Any]
    resumed: bool = False
    searched: bool = False
    unrest: Sequence[Excess] = ()
