"""The search for the rate up to which something holds: the knee, or an objective. Pure.

Between the fastest step that held and the first that did not, the rate in their geometric middle is tried,
until the two are close. A rate counts as borne as far as it was really completed, so that the interval holds
the host's capacity although a verdict lets a slowly rising backlog pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from pytest_unikernel.plan.schedule import between
from pytest_unikernel.results.knee import NOT_THE_TARGET
from pytest_unikernel.results.result import JsonDict, LoadResult
from pytest_unikernel.results.skips import SkipCause, WhySkipped

INTERVAL = 1.05  # upper / lower rate at which a search ends
CLOSE = 1.01  # of two offered rates: nothing between them is worth a load
MAX_LOADS = 12  # a bracket of 1 to 1,000 needs nine
# Stricter than a verdict elsewhere, or an overload of 5 % would count as borne; and so many launches that
# two of them, which a backlog may always rise by, are no more than that share.
BACKLOG_SHARE = 0.025
LAUNCHES = 120

Holds = Callable[[LoadResult], "bool | None"]
Steps = Mapping[Fraction, LoadResult]


@dataclass(frozen=True)
class Interval:
    """The fastest load that held, the slowest faster one that did not; None where there is none.

    ``undecided`` is the fastest load between the two that can't tell.
    """

    lower: LoadResult | None
    upper: LoadResult | None
    undecided: LoadResult | None = None

    @property
    def lower_hz(self) -> float | None:
        """The rate that was borne: the offered one, or the completed one if that was less."""
        return None if self.lower is None else borne_hz(self.lower)

    @property
    def upper_hz(self) -> float | None:
        """The offered rate that was not."""
        return None if self.upper is None else self.upper.offered_rate_hz

    @property
    def is_narrow(self) -> bool:
        """Whether nothing is left to search."""
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
    """Return the rate at which launches completed, at most the offered one."""
    return min(result.offered_rate_hz or 0.0, result.throughput_hz or 0.0)


def is_ok(result: LoadResult) -> bool:
    """Whether a load's verdict is ok: what the knee goes by."""
    return result.verdict == "ok"


def interval_of(results: Steps, holds: Holds) -> Interval:
    """Return the interval that results give; what they leave open is passed over."""
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
    """Narrows intervals down, by loads that all of them profit from.

    Attributes:
        results: what is known of the series, by time step; not changed.
        measure: runs the load of a step.
        loads: those that the search has run, in their order.
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
        """Return the interval when it is narrow, or nothing more can be learnt within ``MAX_LOADS``."""
        for _ in range(MAX_LOADS):
            interval = self.interval(holds)
            step = self._next(interval)
            if step is None or self.interrupted:
                break
            result = self.measure(step)
            self.loads.append(result)
            if not result.interrupted:
                self._known[step] = result
                if holds(result) is None:  # it would be tried for ever
                    break
        return self.interval(holds)

    def interval(self, holds: Holds) -> Interval:
        """Return the interval as it is known by now."""
        return interval_of(self._known, holds)

    def _next(self, interval: Interval) -> Fraction | None:
        """Return the step to try; None if no more can be learnt."""
        steps = {id(result): step for step, result in self._known.items()}
        again = interval.undecided  # perhaps it had too few launches only
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
        """Whether a step was judged by its sweep's rule only, and isn't the last one to fall back on.

        A short window lets a backlog pass that would show in a longer one. By the search's rule the step
        may turn out not to be ok: a slower one must be left then.
        """
        return not self._has_run(step) and any(slower > step for slower in self._known)

    def _has_run(self, step: Fraction) -> bool:
        return any(load.time_step_s == float(step) for load in self.loads)


def interval_json(interval: Interval) -> JsonDict:
    """Return what is quoted of an interval.

    ``rate_hz`` is the one number: the geometric middle, or the lower end where the upper one says nothing of
    the target (``lower_bound``).
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
    """Return the record of a knee whose lower end is known, also per core, with the search's loads."""
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
    """Return a load's whole record: nothing measured is lost; its two main quantiles also by themselves."""
    times = load.response_time_s
    return {**load.as_json(), "p50": times.p50, "p99": times.p99}


def why_no_knee(steps: Sequence[Fraction], results: Steps) -> WhySkipped | None:
    """Return why there is nothing to search between; None if there is.

    Args:
        steps: those of the sweep, slow to fast.
        results: what was run of them.
    """
    if not results:
        return WhySkipped(SkipCause.NOTHING_RUN)
    known = interval_of(results, is_ok)
    end = max((step for step, result in results.items() if not is_ok(result)), default=Fraction(0))
    left_out = tuple(step for step in steps if step not in results and step > end)
    if known.lower is None:
        return WhySkipped(SkipCause.NONE_OK, end, results[end].verdict, left_out)
    if known.upper is None and left_out:
        return WhySkipped(SkipCause.ALL_OK, left_out=left_out)
    return None


def launches_within(launches: int, bound_s: float, step: Fraction) -> int:
    """Return how many launches a window of the search holds at least: those asked for, within a time."""
    return max(1, min(launches, int(bound_s / step)))
