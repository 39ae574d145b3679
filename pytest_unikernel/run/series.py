"""The results of one swept test so far, and the rule for skipping its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pytest_unikernel.host.quiet import Excess
from pytest_unikernel.results.knee import verdict_on
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.skips import SkipCause, WhySkipped
from pytest_unikernel.text.row import Row


@dataclass
class Series:
    """The results of one swept test so far."""

    longest_service_s: float = 0.0
    results: dict[Fraction, LoadResult] = field(default_factory=dict)

    def add(self, step: Fraction, result: LoadResult) -> None:
        """Add the result of a step."""
        self.results[step] = result
        self.longest_service_s = max(self.longest_service_s, result.service_time_s.max or 0.0)

    @property
    def longest_ok_service_s(self) -> float:
        """The longest service time of the ok steps, in seconds.

        A search runs its steps in the range of these. Service times beyond the knee would make it warm up for
        minutes.
        """
        times = (result.service_time_s.max for result in self.results.values() if _verdict(result) == "ok")
        return max((time_s or 0.0 for time_s in times), default=0.0)

    def why_not(self, step: Fraction) -> WhySkipped | None:
        """Return the reason to skip a step, that a slower step was not ok; None if the step must be run."""
        ended = [each for each, result in self.results.items() if each > step and _verdict(result) != "ok"]
        if not ended:
            return None
        slowest = max(ended)
        return WhySkipped(SkipCause.SLOWER_NOT_OK, slowest, _verdict(self.results[slowest]))


def _verdict(result: LoadResult) -> str:
    return verdict_on(result.verdict, result.completed)


@dataclass(frozen=True)
class FinishedLoad:
    """A finished load, for the summary.

    Attributes:
        fullname: the test's node id; a load of a search has its step appended.
        series: the test's node id without the time step.
        record: the load's record.
        resumed: an earlier run measured the load.
        searched: the load belongs to a search, so no test has its name.
        unrest: the activities above the baseline before its trials; empty for a load of an earlier run.
    """

    fullname: str
    series: str
    record: Mapping[str, Any]
    resumed: bool = False
    searched: bool = False
    unrest: Sequence[Excess] = ()

    def row(self, baseline: Mapping[str, Any] | None = None) -> Row:
        """Return the load for the summary, with the record that it is compared with."""
        about = {"resumed": self.resumed, "searched": self.searched}
        return Row(self.series, self.record, baseline, unrest=self.unrest, **about)
