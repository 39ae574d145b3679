"""The outcome of a comparison: a change per metric, a status per step, a knee per series. Plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pytest_unikernel.plan.tolerances import Tolerance
from pytest_unikernel.results.evidence import Why

RATE, FAILURES = "throughput", "failure_rate"
LATENCIES = ("p50", "p90", "p99")

Judgement = Literal["better", "worse", "no evidence", "not comparable"]


@dataclass(frozen=True)
class Change:
    """One metric of one step, or the knee of a series.

    Attributes:
        metric: ``throughput``, ``knee``, ``p50``, ``p90``, ``p99``, ``failure_rate`` or ``verdict``.
        was, now: in hertz, seconds or as a share; for ``verdict`` the share of trials that were ok.
        change: 0.1 is 10 % more; of shares the difference. The median of all pairs of trials, so it need
            not be exactly ``now / was - 1``.
        low, high: what ``change`` lies within with 95 % confidence; None for fewer than five trials.
        noise: the smallest change that is told from noise.
        p: adjusted for testing everything at once.
        measured: the change as measured, where ``change`` is without what goes with the host's speed.
        why: the judgement's reason; None where the change tells it.
    """

    metric: str
    judgement: Judgement
    why: Why | None = None
    was: float | None = None
    now: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    noise: float | None = None
    p: float | None = None
    measured: float | None = None


@dataclass(frozen=True)
class Step:
    """One benchmark in both runs; of a cold start the only one of its series.

    Attributes:
        was, now: the verdicts; ``skipped``, ``missing`` and ``interrupted`` where there is none.
        status: whether it was ok and isn't any more, or the other way round.
        trials: of the earlier and of the later run.
        host: by how much longer the generator's start of a process took, which doesn't depend on the target:
            0.1 is 10 %; None if unknown.
    """

    fullname: str
    target: str
    step_s: float | None
    was: str
    now: str
    status: Change
    changes: Sequence[Change]
    trials: tuple[int, int]
    host: float | None = None


@dataclass(frozen=True)
class SeriesComparison:
    """One swept test, or one cold start, in both runs."""

    name: str
    steps: Sequence[Step]
    knee: Change | None

    @property
    def is_sweep(self) -> bool:
        """Whether it has time steps."""
        return self.knee is not None

    def judged(self) -> Iterator[tuple[str, Change]]:
        """Yield everything that was judged, with the name of its test."""
        for step in self.steps:
            yield step.fullname, step.status
            for change in step.changes:
                yield step.fullname, change
        if self.knee is not None:
            yield self.name, self.knee


@dataclass(frozen=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        only_old, only_new: series that one run lacks altogether.
    """

    series: Sequence[SeriesComparison]
    only_old: Sequence[str] = ()
    only_new: Sequence[str] = ()

    def judged(self) -> Iterator[tuple[str, Change]]:
        """Yield everything that was judged, with the name of its test."""
        for each in self.series:
            yield from each.judged()


class Regression(NamedTuple):
    """A change that is worse than it may be; a verdict has no limit."""

    name: str
    change: Change
    limit: Tolerance | None


class MachineDifference(NamedTuple):
    """A fact in which two machines differ; None is unknown."""

    fact: str
    now: str | None
    was: str | None
