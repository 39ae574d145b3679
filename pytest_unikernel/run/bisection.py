"""Bisection for the highest rate that meets a condition: the knee, or an objective. Pure.

The search tries the geometric middle between the fastest rate that met the condition and the slowest faster
rate that did not, until the two are close. The lower end of the interval is the rate at which launches
really completed. So the interval contains the host's capacity even though a verdict tolerates a slowly
rising backlog.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from pytest_unikernel.plan.schedule import between
from pytest_unikernel.results.knee import NOT_THE_TARGET, verdict_on
from pytest_unikernel.results.result import JsonDict, LoadResult
from pytest_unikernel.results.skips import SkipCause, WhySkipped

INTERVAL = 1.05  # upper / lower rate at which a search ends
CLOSE = 1.01  # ratio of two offered rates below which a load between them is useless
MAX_LOADS = 12  # an interval of 1 to 1,000 needs nine
# Stricter than the usual verdict: that share would let an overload of 5 % count as sustained. A backlog may
# always rise by two launches; in so many launches, two are at most this share.
BACKLOG_SHARE = 0.025
LAUNCHES = 120

Holds = Callable[[LoadResult], "bool | None"]
Steps = Mapping[Fraction, LoadResult]


@dataclass(frozen=True)
class Interval:
    """The fastest load that met the condition, and the slowest faster load that did not; None is no load.

    ``undecided`` is the fastest undecided load between the two.
    """

    lower: LoadResult | None
    upper: LoadResult | None
    undecided: LoadResult | None = None

    @property
    def lower_hz(self) -> float | None:
        """The sustained rate: the offered or the completed rate, whichever is lower."""
        return None if self.lower is None else borne_hz(self.lower)

    @property
    def upper_hz(self) -> float | None:
        """The offered rate that was not sustained."""
        return None if self.upper is None else self.upper.offered_rate_hz

    @property
    def is_narrow(self) -> bool:
        """Whether the interval is narrow enough to end the search."""
        if self.lower is None or self.upper is None:
            return True
        return (self.upper.offered_rate_hz or 0.0) <= INTERVAL * borne_hz(self.lower)

    @property
    def is_close(self) -> bool:
        """Whether the two offered rates leave no room for a third."""
        if self.lower is None or self.upper is None:
            return True
        return (self.upper.offered_rate_hz or 0.0) <= CLOSE * (self.lower.offered_rate_hz or math.inf)


def borne_hz(result: LoadResult) -> float:
    """Return the rate at which launches completed, at most the offered rate."""
    return min(result.offered_rate_hz or 0.0, result.throughput_hz or 0.0)


def is_ok(result: LoadResult) -> bool:
    """Return whether a load's verdict is ok: the knee's condition. It never is if nothing completed."""
    return verdict_on(result.verdict, result.completed) == "ok"


def interval_of(results: Steps, holds: Holds) -> Interval:
    """Return the interval from results; undecided loads are skipped."""
    lower: LoadResult | None = None
    undecided: LoadResult | None = None
    for step in sorted(results, reverse=True):
        held, result = holds(results[step]), results[step]
        if held is False:
            return Interval(lower, result, undecided)
        lower, undecided = (result, None) if held else (lower, result)
    return Interval(lower, None, undecided)


@dataclass
class Search:
    """Narrows several intervals down; each load serves all of them.

    Attributes:
        results: the results of the series, by time step; not changed.
        measure: a function that runs the load of a step.
        loads: the loads that the search has run, in order.
    """

    results: Steps
    measure: Callable[[Fraction], LoadResult]
    loads: list[LoadResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._known = dict(self.results)

    @property
    def interrupted(self) -> bool:
        """Whether a load was cut short, which ends every search."""
        return any(load.interrupted for load in self.loads)

    def narrowed(self, holds: Holds) -> Interval:
        """Run at most ``MAX_LOADS`` loads, until the interval is narrow or no step is useful; return it."""
        for _ in range(MAX_LOADS):
            interval = self.interval(holds)
            step = self._next(interval)
            if step is None or self.interrupted:
                break
            result = self.measure(step)
            self.loads.append(result)
            if not result.interrupted:
                self._known[step] = result
                if holds(result) is None:  # it would be tried again without end
                    break
        return self.interval(holds)

    def interval(self, holds: Holds) -> Interval:
        """Return the interval from all results so far."""
        return interval_of(self._known, holds)

    def _next(self, interval: Interval) -> Fraction | None:
        """Return the step to try next; None if no step is useful."""
        steps = {id(result): step for step, result in self._known.items()}
        again = interval.undecided  # it may only have had too few launches
        if (
            again is not None
            and interval.upper is not None
            and (interval.lower is None or not interval.is_narrow)
        ):
            step = steps[id(again)]
            return step if self._can_be_doubted(step) else None
        if interval.is_narrow:
            return None
        lower, upper = steps[id(interval.lower)], steps[id(interval.upper)]
        fell_behind = interval.lower is not None and borne_hz(interval.lower) * CLOSE < 1 / lower
        if (interval.is_close or fell_behind) and self._can_be_doubted(lower):
            return lower
        step = between(lower, upper)
        return None if interval.is_close or step in self._known else step

    def _can_be_doubted(self, step: Fraction) -> bool:
        """Return whether only the sweep's rule judged a step, and a slower step is left to fall back on.

        A short window can miss a backlog that a longer window shows. The search's rule may find that the
        step is not ok; then a slower step is needed.
        """
        return not self._has_run(step) and any(slower > step for slower in self._known)

    def _has_run(self, step: Fraction) -> bool:
        return any(load.time_step_s == float(step) for load in self.loads)


def interval_json(interval: Interval) -> JsonDict:
    """Return an interval in the record's form.

    ``rate_hz`` is the number to quote: the geometric middle, or the lower end if the upper end says nothing
    about the target (``lower_bound``).
    """
    lower_hz, upper_hz, upper = interval.lower_hz, interval.upper_hz, interval.upper
    bound = upper is None or upper.verdict in NOT_THE_TARGET
    middle = None if not lower_hz or not upper_hz else math.sqrt(lower_hz * upper_hz)
    return {
        "rate_hz": lower_hz if bound else middle,
        "lower_hz": lower_hz,
        "upper_hz": upper_hz,
        "lower_bound": bound,
        "upper_verdict": None if upper is None else upper.verdict,
        "upper_reason": None if upper is None else upper.verdict_reason,
        "ratio": upper_hz / lower_hz if upper_hz and lower_hz else None,
        "narrow": interval.is_narrow,
    }


def knee_json(
    interval: Interval, loads: Sequence[LoadResult], cores: float, *, interrupted: bool
) -> JsonDict:
    """Return the record of a knee with a known lower end: rates, rates per core, the search's loads."""
    about = interval_json(interval)
    ends = ("rate_hz", "lower_hz", "upper_hz")
    per_core = {
        f"{end.removesuffix('rate_hz').removesuffix('hz')}per_core_hz": None
        if about[end] is None
        else about[end] / cores
        for end in ends
    }
    return {**about, **per_core, "interrupted": interrupted, "loads": [_load_json(load) for load in loads]}


def _load_json(load: LoadResult) -> JsonDict:
    """Return a load's complete record, with ``p50`` and ``p99`` of its response time as extra keys."""
    times = load.response_time_s
    return {**load.as_json(), "p50": times.p50, "p99": times.p99}


def why_no_knee(steps: Sequence[Fraction], results: Steps) -> WhySkipped | None:
    """Return the reason why the sweep gives no interval to search; None if it does.

    Args:
        steps: the steps of the sweep, slow to fast.
        results: the results of the steps that were run.
    """
    if not results:
        return WhySkipped(SkipCause.NOTHING_RUN)
    known = interval_of(results, is_ok)
    end = max((step for step, result in results.items() if not is_ok(result)), default=Fraction(0))
    left_out = tuple(step for step in steps if step not in results and step > end)
    if known.lower is None:
        verdict = verdict_on(results[end].verdict, results[end].completed)
        return WhySkipped(SkipCause.NONE_OK, end, verdict, left_out)
    if known.upper is None and left_out:
        return WhySkipped(SkipCause.ALL_OK, left_out=left_out)
    return None


def launches_within(launches: int, bound_s: float, step: Fraction) -> int:
    """Return the minimum number of launches in a window of the search: as requested, within a time limit."""
    return max(1, min(launches, int(bound_s / step)))
