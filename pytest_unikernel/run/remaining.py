"""Estimates how long the rest of the run takes, and learns from the loads that were measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from pytest_unikernel.clock import seconds
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.results.knee import verdict_on

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult

SEARCH = 0.0  # the step of a search for the knee
SEARCH_LOADS = 5  # of a search between two halved steps
EXPECTED_DRAIN_S = 1.0  # of a series whose service time isn't known yet
COLD_SERVICE_S = 0.3  # of a cold start whose target wasn't launched yet


class PlannedLoad(NamedTuple):
    """A load that is to be run: ``trials`` times a warm-up, a window and a drain, or cold starts.

    Attributes:
        series: the series, or the cold start's test.
        target: the name of the target; empty if it isn't known.
        step_s: the time step; ``SEARCH`` for a search, and without meaning for cold starts.
        trials: 0 if an earlier run has the load already.
        launches: of cold starts, the unmeasured one included; 0 for a step.
        turns: runs of the test: its trials where these go in rounds.
    """

    series: str
    target: str
    step_s: float
    trials: int
    warmup_s: float = 0.0
    window_s: float = 0.0
    launches: int = 0
    turns: int = 1

    def expected_s(self, service_s: float | None) -> float:
        """Return how long it will take; a long service time lengthens warm-up and drain."""
        if self.launches:
            return self.trials * self.launches * (COLD_SERVICE_S if service_s is None else service_s)
        if service_s is None:
            return self.trials * (self.warmup_s + self.window_s + EXPECTED_DRAIN_S)
        return self.trials * (max(self.warmup_s, 2 * service_s) + self.window_s + service_s)


def planned_step(
    series: str,
    target: str,
    step: Fraction,
    settings: SweepSettings,
    *,
    searches: bool = False,
    is_known: bool = False,
) -> PlannedLoad:
    """Return the load of a time step, or the search for the knee of a series.

    Args:
        series: the series.
        target: the name of its target.
        step: the time step in seconds; of a search the fastest.
        settings: the settings of the series.
        searches: it is the search.
        is_known: an earlier run has the load already.
    """
    return PlannedLoad(
        series=series,
        target=target,
        step_s=SEARCH if searches else float(step),
        trials=0 if is_known else settings.trials * (SEARCH_LOADS if searches else 1),
        warmup_s=settings.warmup_s,
        window_s=seconds(settings.load_plan(step).window_ns),
    )


class Place(NamedTuple):
    """Where a run stands: the number of a load, or of a trial in rounds, among all; the seconds left."""

    number: int
    total: int
    left_s: float


class Agenda:
    """The loads of a run that are left, and what was learnt from those that were measured."""

    def __init__(self, planned: Mapping[str, PlannedLoad]) -> None:
        self._planned = planned
        self._left = dict(planned)
        self._measured: dict[str, int] = {}  # turns, by test
        self._has_ok: set[str] = set()
        self._longest_s: dict[str, float] = {}  # service time, by series
        self._typical_s: dict[str, float] = {}  # service time, by target
        self._late_s: dict[str, float] = {}  # time taken beyond the expected, by test

    def has(self, name: str) -> bool:
        """Whether a test's load is planned, or was."""
        return name in self._planned

    def drop(self, name: str) -> None:
        """Take a load out that isn't measured after all."""
        self._left.pop(name, None)

    def ended(self, name: str, *, longest_s: float | None, typical_s: float | None, is_ok: bool) -> list[str]:
        """Take note of a measured load; return the tests that will be skipped because it was not ok.

        Args:
            name: the test.
            longest_s: its longest service time; None if nothing completed.
            typical_s: its median service time; None if nothing completed.
            is_ok: its verdict.
        """
        load = self._planned.get(name)
        if load is None:
            return []
        self._left.pop(name, None)
        self._measured[name] = max(load.turns, self._measured.get(name, 0))
        self._longest_s[load.series] = max(self._longest_s.get(load.series, 0.0), longest_s or 0.0)
        if typical_s is not None:
            self._typical_s.setdefault(load.target, typical_s)
        if is_ok:
            self._has_ok.add(load.series)
            return []
        return self._skipped(load)

    def measured(self, name: str, result: LoadResult) -> list[str]:
        """Take note of a result; return the tests that will be skipped because it was not ok."""
        service = result.service_time_s
        return self.ended(
            name,
            longest_s=service.max,
            typical_s=service.quantiles.get("p50"),
            is_ok=verdict_on(result.verdict, result.completed) == "ok",
        )

    def trial_ended(self, name: str) -> None:
        """Take note that a load has trials left, which the next rounds will measure."""
        load = self._left.get(name)
        if load is not None and load.trials > 1:
            self._left[name] = load._replace(trials=load.trials - 1, turns=max(1, load.turns - 1))
            self._measured[name] = self._measured.get(name, 0) + 1

    def _skipped(self, ended: PlannedLoad) -> list[str]:
        """Drop the faster steps of a series, and its search if no step of it can be ok."""
        left = {name: load.step_s for name, load in self._left.items() if load.series == ended.series}
        slower = any(step_s > ended.step_s for step_s in left.values())
        least_s = SEARCH if slower or ended.series in self._has_ok else -1.0
        skipped = [name for name, step_s in left.items() if least_s < step_s < ended.step_s]
        for name in skipped:
            self.drop(name)
        return skipped

    def took(self, name: str, taken_s: float) -> None:
        """Learn from the time that a measured load has taken."""
        load = self._planned.get(name)
        if load is not None and load.trials and name in self._measured:
            self._late_s[name] = taken_s - load.expected_s(self._service_s(load))

    @property
    def place(self) -> Place:
        """Where the run stands when a load has been measured."""
        left_s = sum(map(self._expected_s, self._left.values()))
        measured = sum(self._measured.values())
        return Place(measured, measured + sum(load.turns for load in self._left.values()), left_s)

    def place_of(self, name: str) -> Place | None:
        """Return where the run stands while a load is measured; None if it isn't one of the plan."""
        if name not in self._planned:
            return None
        number, total, left_s = self.place
        return Place(number + 1, total, left_s) if name in self._left else Place(number, total, left_s)

    def _expected_s(self, load: PlannedLoad) -> float:
        return max(0.0, load.expected_s(self._service_s(load)) + load.trials * self._extra_s)

    @property
    def _extra_s(self) -> float:
        """The mean time per trial beyond the expected: the wait for a quiet host, set-up, take-down."""
        trials = sum(self._planned[name].trials for name in self._late_s)
        return sum(self._late_s.values()) / trials if trials else 0.0

    def _service_s(self, load: PlannedLoad) -> float | None:
        return self._typical_s.get(load.target) if load.launches else self._longest_s.get(load.series)
