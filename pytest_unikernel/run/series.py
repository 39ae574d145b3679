"""The results of one swept test so far, and the rule for skipping its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pytest_unikernel.clock import NS_PER_S
from pytest_unikernel.host.quiet import Excess
from pytest_unikernel.results.knee import verdict_on
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.skips import SkipCause, WhySkipped
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import Judged
from pytest_unikernel.text.row import Row


@dataclass
class Series:
    """The results of one swept test so far."""

    longest_service_s: float = 0.0
    results: dict[Fraction, LoadResult] = field(default_factory=dict)
    _so_far: dict[Fraction, str] = field(default_factory=dict)  # of steps with trials left

    def add(self, step: Fraction, result: LoadResult) -> None:
        """Add the result of a step."""
        self.results[step] = result
        self._so_far.pop(step, None)
        self.longest_service_s = max(self.longest_service_s, result.service_time_s.max or 0.0)

    def note(self, step: Fraction, judged: Judged, trials: Sequence[Trial]) -> None:
        """Take note of a step that has trials left.

        Beyond the knee service times are as long as the overload was: they would lengthen the warm-up of all
        steps of the next round.
        """
        self._so_far[step] = judged.verdict
        if judged.verdict == "ok":
            longest_ns = max((ns for trial in trials for ns in trial.service_ns()), default=0)
            self.longest_service_s = max(self.longest_service_s, longest_ns / NS_PER_S)

    @property
    def longest_ok_service_s(self) -> float:
        """The longest service time of the ok steps, in seconds.

        A search runs its steps in the range of these. Service times beyond the knee would make it warm up for
        minutes.
        """
        times = (result.service_time_s.max for result in self.results.values() if _verdict(result) == "ok")
        return max((time_s or 0.0 for time_s in times), default=0.0)

    def has_ended_before(self, step: Fraction) -> bool:
        """Return whether a slower step has all its trials and was not ok."""
        return any(each > step and _verdict(result) != "ok" for each, result in self.results.items())

    def why_not(self, step: Fraction) -> WhySkipped | None:
        """Return the reason to skip a step, that a slower step was not ok; None if the step must be run."""
        verdicts = {**self._so_far, **{each: _verdict(result) for each, result in self.results.items()}}
        ended = [each for each, verdict in verdicts.items() if each > step and verdict != "ok"]
        return WhySkipped(SkipCause.SLOWER_NOT_OK, max(ended), verdicts[max(ended)]) if ended else None


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
