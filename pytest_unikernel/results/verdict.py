"""The verdict of a trial: ok, failing, saturated or generator-bound."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from enum import Enum, auto
from typing import Literal, NamedTuple

from pytest_unikernel.plan.outcome import FAILURES, Outcome
from pytest_unikernel.results.summary import enough, quantile
from pytest_unikernel.results.trial import Trial

Verdict = Literal["ok", "generator-bound", "saturated", "failing"]

# From best to worst: a tie between trials goes to the worse verdict.
VERDICTS: tuple[Verdict, ...] = ("ok", "generator-bound", "saturated", "failing")
FAILING_SHARE = 0.01
CENSORED_SHARE = 0.01
BACKLOG_RISE_LAUNCHES = 2.0
ACHIEVED_SHARE = 0.99
LATENESS_FLOOR_NS = 1_000_000
LATENESS_STEP_SHARE = 0.10
LATENESS_RESPONSE_SHARE = 0.20


class Rule(Enum):
    """A rule of the verdict; the comments name its figure, then the figure that it is compared to."""

    FAILED = auto()  # launches that failed, launches that were started
    DROPPED = auto()  # launches that were dropped
    TIMED_OUT = auto()  # launches that timed out or did not finish, all launches
    BACKLOG_ROSE = auto()  # rise of the mean in flight, its limit
    NOT_STARTED = auto()  # launches started in the window, launches offered in it
    LATE = auto()  # lateness in ms, its limit
    LATE_FOR_RESPONSE = auto()  # median lateness in per cent of the median response time
    SKEWED = auto()  # ms by which a host's window began late, their limit
    NOTHING_DUE = auto()  # no figures: the cohort is empty


class Steal(NamedTuple):
    """CPU time that the hypervisor gave to others during a load: of all CPUs, and its share in per cent."""

    stolen_s: float
    percent: float


class Reason(NamedTuple):
    """The rule that a trial broke, with its figures; see :class:`Rule` for their meaning.

    Attributes:
        steal: the stolen CPU time, if launches were late and it explains why; else None.
    """

    rule: Rule
    figure: float = 0.0
    against: float = 0.0
    steal: Steal | None = None


class Judged(NamedTuple):
    """A verdict, and its reason unless it is ok."""

    verdict: Verdict
    reason: Reason | None = None


def censored(counts: Counter[Outcome]) -> int:
    """Return the number of launches without a measured end: timed out, unfinished or dropped."""
    return counts[Outcome.TIMEOUT] + counts[Outcome.UNFINISHED] + counts[Outcome.DROPPED]


def mean_in_flight(trial: Trial, begin_ns: int, end_ns: int) -> float:
    """Return the mean number of instances in flight over an interval; 0 over an empty one.

    An instance is in flight from its start to its exit. The mean is the sum of the times from each start to
    the interval's end, minus the same sum over the exits, divided by the interval's length. A launch without
    an exit stays in flight to the end.
    """
    if end_ns <= begin_ns:
        return 0.0
    spent_ns = _until_end(trial.starts_ns, begin_ns, end_ns) - _until_end(trial.exits_ns, begin_ns, end_ns)
    return spent_ns / (end_ns - begin_ns)


def _until_end(ordered: list[int], begin_ns: int, end_ns: int) -> int:
    """Return the sum of the times from each instant to the interval's end, within the interval."""
    low = bisect_left(ordered, begin_ns)
    high = bisect_left(ordered, end_ns, lo=low)
    return low * (end_ns - begin_ns) + (high - low) * end_ns - sum(ordered[low:high])


def backlog_rise(trial: Trial) -> tuple[float, float]:
    """Return the rise of the mean in flight from the window's first quarter to its last, and the limit.

    The limit is max(2, 5 % of the launches scheduled between the quarters' centres). The centres lie an
    eighth of the window from its ends.
    """
    length_ns = trial.end_ns - trial.begin_ns
    quarter_ns, eighth_ns = length_ns // 4, length_ns // 8
    first = mean_in_flight(trial, trial.begin_ns, trial.begin_ns + quarter_ns)
    last = mean_in_flight(trial, trial.end_ns - quarter_ns, trial.end_ns)
    due_ns = trial.log.scheduled_ns[trial.rows.start : trial.rows.stop]
    between = bisect_left(due_ns, trial.end_ns - eighth_ns) - bisect_left(due_ns, trial.begin_ns + eighth_ns)
    return last - first, max(BACKLOG_RISE_LAUNCHES, trial.backlog_share * between)


def verdict(trial: Trial) -> Judged:
    """Return the verdict on a trial, by the first rule that it breaks.

    Only a trial in which something completed is ok. An empty cohort says nothing of the target.
    """
    counts = trial.counts()
    if not counts.total():
        return Judged("generator-bound", Reason(Rule.NOTHING_DUE))
    if reason := _failing(counts):
        return Judged("failing", reason)
    if reason := _saturated(trial, counts):
        return Judged("saturated", reason)
    if reason := _generator_bound(trial, counts):
        return Judged("generator-bound", reason)
    return Judged("ok")


def _failing(counts: Counter[Outcome]) -> Reason | None:
    """Return that launches failed: more than one and more than 1 % of those started, or all of them."""
    started = counts.total() - counts[Outcome.DROPPED]
    failed = sum(counts[outcome] for outcome in FAILURES if outcome is not Outcome.TIMEOUT)
    too_many = failed > FAILING_SHARE * started and (failed > 1 or failed == started)
    return Reason(Rule.FAILED, failed, started) if too_many else None


def _saturated(trial: Trial, counts: Counter[Outcome]) -> Reason | None:
    if counts[Outcome.DROPPED]:
        return Reason(Rule.DROPPED, counts[Outcome.DROPPED])
    late = counts[Outcome.TIMEOUT] + counts[Outcome.UNFINISHED]
    if late > CENSORED_SHARE * sum(counts.values()):
        return Reason(Rule.TIMED_OUT, late, sum(counts.values()))
    if trial.step_ns is None:
        return None
    rise, limit = backlog_rise(trial)
    return Reason(Rule.BACKLOG_ROSE, rise, limit) if rise > limit else None


def _generator_bound(trial: Trial, counts: Counter[Outcome]) -> Reason | None:
    if trial.step_ns is None:
        return None
    started = trial.started_in_window
    # One launch per step is offered; a window of Poisson arrivals may hold fewer.
    due = min(len(trial.rows), (trial.end_ns - trial.begin_ns) / trial.step_ns)
    if started < ACHIEVED_SHARE * due:
        return Reason(Rule.NOT_STARTED, started, due)
    return _late_by_itself(trial, trial.step_ns) or _late_by_response(trial, censored(counts))


def _late_by_itself(trial: Trial, step_ns: float) -> Reason | None:
    lateness_ns = trial.ordered_lateness_ns
    if not lateness_ns:
        return None
    worst_ns = (quantile(lateness_ns, 0, 0.99) if enough(len(lateness_ns), 0.99) else lateness_ns[-1]) or 0
    limit_ns = max(LATENESS_FLOOR_NS, LATENESS_STEP_SHARE * step_ns)
    return Reason(Rule.LATE, worst_ns / 1e6, limit_ns / 1e6) if worst_ns > limit_ns else None


def _late_by_response(trial: Trial, unknown: int) -> Reason | None:
    late_ns = quantile(trial.ordered_lateness_ns, 0, 0.5)
    response_ns = quantile(trial.ordered_response_ns, unknown, 0.5)
    if late_ns and response_ns and late_ns > LATENESS_RESPONSE_SHARE * response_ns:
        return Reason(Rule.LATE_FOR_RESPONSE, 100 * late_ns / response_ns)
    return None


LATE_RULES = frozenset({Rule.NOT_STARTED, Rule.LATE, Rule.LATE_FOR_RESPONSE})


def with_steal(judged: Judged, trials: Sequence[Trial], steal: Steal) -> Judged:
    """Return a verdict whose reason names the steal, if that explains why launches were late.

    It does if the time stolen is as long as the largest lateness: less can't have held back that launch.
    """
    reason = judged.reason
    if reason is None or reason.rule not in LATE_RULES or steal.stolen_s <= 0:
        return judged
    latest_ns = max(
        (trial.ordered_lateness_ns[-1] for trial in trials if trial.ordered_lateness_ns), default=0
    )
    return (
        judged._replace(reason=reason._replace(steal=steal)) if steal.stolen_s >= latest_ns / 1e9 else judged
    )


def is_doubtful(judged: Judged, trials: Sequence[Trial]) -> bool:
    """Return whether one or two late launches may have made a load generator-bound, so that it is repeated.

    That is where the largest lateness counts, or a launch is more than 1 % of those due: below 200 launches.
    """
    late = judged.reason is not None and judged.reason.rule in {Rule.NOT_STARTED, Rule.LATE}
    return late and not any(enough(len(trial.rows), 0.99) for trial in trials)


def majority(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of most trials; a tie goes to the worse verdict."""
    counted = Counter(verdicts)
    return max(counted, key=lambda each: (counted[each], VERDICTS.index(each)))


def pooled(trials: Sequence[Judged]) -> Judged:
    """Return the verdict of most trials, with the reason of the first trial that has it.

    A trial without a cohort has no say, unless none has one.
    """
    measured = [each for each in trials if each.reason is None or each.reason.rule is not Rule.NOTHING_DUE]
    final = majority([each.verdict for each in measured or trials])
    return next(each for each in measured or trials if each.verdict == final)
