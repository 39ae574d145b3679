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
Counts = Literal["measured", "corrected"]


@dataclass(frozen=True)
class Change:
    """A metric of one step, or the knee of a series.

    Attributes:
        metric: ``throughput``, ``knee``, ``p50``, ``p90``, ``p99``, ``failure_rate`` or ``verdict``.
        was, now: in hertz, seconds or as a share; for ``verdict`` the share of trials that were ok.
        change: the relative change that counts, 0.1 is 10 % more; for shares the difference. It is the median
            of all pairs of trials, so it need not be exactly ``now / was - 1``.
        low, high: the 95 % confidence interval of ``change``; None for fewer than five trials.
        noise: the smallest change beyond noise.
        p: the p-value, adjusted for all metrics tested together.
        measured: the change as measured; None where nothing was tested.
        corrected: the change corrected for the host's speed; None where nothing is corrected.
        sensitivity: the slope of the figure's logarithm over that of the spawn time, from the trials within
            the runs; 0 where they show none, None where the host's speed is unknown or plays no part.
        counts: whether ``change``, which is judged and limited, is ``measured`` or ``corrected``; None where
            nothing was tested.
        why: the judgement's reason; None where the change itself is the reason.
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
    corrected: float | None = None
    sensitivity: float | None = None
    counts: Counts | None = None


@dataclass(frozen=True)
class Step:
    """A benchmark in both runs; a cold start is the only step of its series.

    Attributes:
        was, now: the verdicts; ``skipped``, ``missing`` or ``interrupted`` where there is none.
        status: the change of the verdict between ok and not ok.
        trials: the numbers of trials in the earlier and in the later run.
        host: the relative change of the generator's spawn time, which does not depend on the target:
            0.1 is 10 % longer; None if unknown.
        busy: per cent of the CPU time of other work in the later run and in the earlier one, if the step was
            compared despite it; else None.
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
    busy: tuple[float, ...] | None = None


@dataclass(frozen=True)
class SeriesComparison:
    """A swept test, or one cold start, in both runs."""

    name: str
    steps: Sequence[Step]
    knee: Change | None

    @property
    def is_sweep(self) -> bool:
        """Whether the series has time steps."""
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
        only_old, only_new: series that only one of the runs has.
    """

    series: Sequence[SeriesComparison]
    only_old: Sequence[str] = ()
    only_new: Sequence[str] = ()

    def judged(self) -> Iterator[tuple[str, Change]]:
        """Yield everything that was judged, with the name of its test."""
        for each in self.series:
            yield from each.judged()


class Regression(NamedTuple):
    """A change for the worse beyond its limit; a verdict has no limit."""

    name: str
    change: Change
    limit: Tolerance | None


class MachineDifference(NamedTuple):
    """A fact in which two machines differ; None is unknown."""

    fact: str
    now: str | None
    was: str | None
