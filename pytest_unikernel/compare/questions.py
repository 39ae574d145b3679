"""Questions about two sides: a metric's values by trial, or the reason why it cannot be tested. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from pytest_unikernel.compare import pairs
from pytest_unikernel.compare.permutation import MAD_TO_SD, Hypothesis, Testable
from pytest_unikernel.compare.shift import Shift, shift
from pytest_unikernel.compare.sides import Side, slowdown
from pytest_unikernel.results.comparable import Condition, differences
from pytest_unikernel.results.comparison import FAILURES, LATENCIES
from pytest_unikernel.results.evidence import Cause, Why

LEAST_TRIALS = 5
# In per cent of all CPU time: the limit for other work, and the limit for its difference between the runs.
# Measured: consecutive runs on a host that is kept busy differ by a factor of two, whatever the test.
BUSY_PERCENT, UNEQUAL_PERCENT = 25.0, 10.0
LEAST_RATIO, LEAST_SHARE = 1.05, 0.01  # smaller changes are noise, whatever the trials say
LEAST_PAIRED_RATIO = 1.02  # within rounds of one run nothing else can have changed
OF_THE_TARGET = frozenset({Condition.VARIANT, Condition.READY})  # what two targets may differ in
NOISE_ERRORS = 2.0
# The ratio of spawn times from which the host's speed explains a knee that moved.
HOST_RATIO = 1.10
# Negligible standard errors: a tenth of the smallest change that counts.
FLOOR_OF_RATIOS, FLOOR_OF_SHARES = math.log(LEAST_RATIO) / 10, LEAST_SHARE / 10
ABSOLUTE = frozenset({FAILURES, "verdict"})  # shares: their difference counts, not their ratio
NOTHING = 1e-3  # replaces zeros where the ratio counts, as a share of the largest value


@dataclass(frozen=True)
class Question:
    """The question whether a metric changed.

    Attributes:
        paired: the trials of both sides took turns: those of the same number are a pair.
        old, new: values by trial, on the scale of :class:`Hypothesis`, corrected for the host's speed; empty
            if the question cannot be tested.
        measured: values by trial on the same scale, as measured.
        sensitivity: the slope of the correction, 0 where the trials show none; None where the host's speed is
            unknown.
        slope_error: the standard error that the slope adds to the difference of the runs.
        why_not: the reason why the question cannot be tested; None if it can.
        comparable: both runs measured the same; if ``why_not`` is set too, only evidence is missing.
    """

    metric: str
    was: float | None
    now: float | None
    old: Sequence[float] = field(default=())
    new: Sequence[float] = field(default=())
    why_not: Why | None = None
    comparable: bool = True
    measured: tuple[Sequence[float], Sequence[float]] | None = None
    sensitivity: float | None = None
    slope_error: float = 0.0
    paired: bool = False

    @property
    def absolute(self) -> bool:
        """Whether the difference counts, not the ratio."""
        return self.metric in ABSOLUTE

    @property
    def hypothesis(self) -> Testable:
        """The null hypothesis of this question."""
        floor = FLOOR_OF_SHARES if self.absolute else FLOOR_OF_RATIOS
        if self.paired:
            return pairs.PairedHypothesis(pairs.differences(self.old, self.new), floor)
        return Hypothesis(self.old, self.new, floor)

    @property
    def shift(self) -> Shift:
        """The change, on the scale of the values."""
        return self._shift(self.old, self.new)

    @property
    def measured_shift(self) -> Shift:
        """The change as measured, on the scale of the values."""
        return self._shift(*(self.measured or (self.old, self.new)))

    def _shift(self, old: Sequence[float], new: Sequence[float]) -> Shift:
        return (pairs.paired_shift if self.paired else shift)(old, new)

    @property
    def noise(self) -> float:
        """The smallest change beyond noise, on the scale of the values, from the spread of the trials."""
        if self.paired:
            least, error = LEAST_PAIRED_RATIO, pairs.standard_error(self.old, self.new)
        else:
            errors = (_spread(each) / math.sqrt(len(each)) for each in (self.old, self.new))
            least, error = LEAST_RATIO, math.hypot(self.slope_error, *errors)
        return max(LEAST_SHARE if self.absolute else math.log(least), NOISE_ERRORS * error)


def _spread(values: Sequence[float]) -> float:
    """Return the standard deviation as estimated from the median absolute deviation."""
    middle = median(values)
    return MAD_TO_SD * median([abs(value - middle) for value in values])


def ask(metric: str, was: Side, now: Side, *, despite_busy: bool = False, paired: bool = False) -> Question:
    """Return the question about a metric of a benchmark that both runs have, as measured.

    Args:
        metric: one of ``METRICS``.
        was: the benchmark in the earlier run.
        now: the benchmark in the later run.
        despite_busy: other work on the host is no reason not to ask.
        paired: the sides are two targets that took turns.
    """
    ends = was.typical(metric), now.typical(metric)
    other = conditions(was, now, paired=paired)
    if other is None and metric in LATENCIES and _means_only(was, now):
        other = Why(Cause.MEANS_ONLY)
    if other is not None:
        return Question(metric, *ends, why_not=other, comparable=False)
    why_not = few_trials(len(was.rows), len(now.rows), paired=paired) or _no_values(metric, was, now)
    why_not = why_not or (None if despite_busy or paired else busier(was, now))
    if why_not is not None:
        return Question(metric, *ends, why_not=why_not)
    values = ([v for v in side.values(metric) if v is not None] for side in (was, now))
    return of_values(metric, ends, *values, paired=paired)


def of_values(
    metric: str,
    ends: tuple[float | None, float | None],
    old: Sequence[float],
    new: Sequence[float],
    *,
    paired: bool = False,
) -> Question:
    """Return the question about values by trial; ratios are compared as differences of logarithms."""
    if metric not in ABSOLUTE:
        least = NOTHING * max(*old, *new) or 1.0
        old, new = ([math.log(max(value, least)) for value in side] for side in (old, new))
    return Question(metric, *ends, old, new, paired=paired)


def conditions(was: Side, now: Side, *, paired: bool = False) -> Why | None:
    """Return the conditions in which two sides differ; None if they measure the same."""
    found = differences(now.load, was.load)
    if paired:
        found = tuple(each for each in found if each.condition not in OF_THE_TARGET)
    return Why(Cause.CONDITIONS, differences=found) if found else None


def _means_only(was: Side, now: Side) -> bool:
    """Return whether one side has means only and no quantiles, as some imported results do."""
    return any(
        summary["p50"] is None and not summary["censored"] and (side.imported or summary["mean"] is not None)
        for side in (was, now)
        for summary in [side.load["response_time_s"]]
    )


def _no_values(metric: str, was: Side, now: Side) -> Why | None:
    """Return the reason why a metric lacks a value on one side; None if every trial has a value."""
    if metric in LATENCIES and not (was.carries(metric) and now.carries(metric)):
        return Why(Cause.FEW_LAUNCHES)
    for side in (was, now):
        if side.verdict in {"generator-bound", "failing"} and metric != FAILURES:
            return Why(Cause.VERDICT, verdicts=(side.verdict,))
        if None in side.values(metric):
            beyond = metric in LATENCIES and _censored(side)
            return Why(Cause.BEYOND_TIMEOUT if beyond else Cause.NOT_RECORDED)
    return Why(Cause.SATURATED) if metric in LATENCIES and _grew(was) and _grew(now) else None


def _grew(side: Side) -> bool:
    """Return whether a step was saturated by a rising backlog although every launch completed.

    Response times then grow as long as the overload lasts, at a rate set by the capacity that is lacking.
    Measured: a few per cent of throughput change p50 by a quarter, and most false alarms between equal runs
    came from such steps.
    """
    lost = any(record["response_time_s"]["censored"] for record in side.records)
    return side.verdict == "saturated" and not lost


def _censored(side: Side) -> bool:
    return any(row.get("censored") or not row.get("completed", 1) for row in side.rows)


def few_trials(*counts: int, paired: bool = False) -> Why | None:
    """Return ``FEW_TRIALS`` if a side has too few trials, else None."""
    fewest, needed = min(counts), pairs.LEAST_PAIRS if paired else LEAST_TRIALS
    return Why(Cause.FEW_TRIALS, (fewest, needed)) if fewest < needed else None


def busier(was: Side, now: Side) -> Why | None:
    """Return ``OTHER_WORK`` if other work kept the host busy, else None.

    Constant other work does not prevent a comparison of runs that were made in turn: it affects both alike.
    """
    old, new = was.others_percent, now.others_percent
    if old is None or new is None:
        return None
    in_turn = len(was.records) > 1 and len(now.records) > 1
    if abs(new - old) <= UNEQUAL_PERCENT and (in_turn or max(old, new) <= BUSY_PERCENT):
        return None
    return Why(Cause.OTHER_WORK, (new, old))


def slower(both: Iterable[tuple[Side, Side]], *, worse: bool) -> Why | None:
    """Return ``HOST_SPEED`` if the host's speed explains a knee that moved in the given direction, else None.

    Args:
        both: steps that were ok in both runs.
        worse: the knee moved to a lower rate.
    """
    known = [change for was, now in both if (change := slowdown(was, now)) is not None]
    change = median(known) if known else 0.0
    if (change if worse else -change) < math.log(HOST_RATIO):
        return None
    return Why(Cause.HOST_SPEED, (100 * math.expm1(change),))
