"""From questions to judgements: one family of hypotheses for the whole comparison. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from pytest_unikernel.compare.hostspeed import Asked, corrected
from pytest_unikernel.compare.permutation import adjusted
from pytest_unikernel.compare.questions import Question, ask
from pytest_unikernel.compare.sensitivity import DEVIATIONS
from pytest_unikernel.compare.seriespair import MISSING, Half, SeriesPair
from pytest_unikernel.compare.shift import Shift
from pytest_unikernel.compare.sides import METRICS, Side, searched, slowdown
from pytest_unikernel.plan.step_names import series_of
from pytest_unikernel.results.comparison import (
    LATENCIES,
    RATE,
    Change,
    Comparison,
    Judgement,
    SeriesComparison,
    Step,
)
from pytest_unikernel.results.evidence import Cause, Why

ALPHA = 0.015  # share of comparisons of equal runs that raise any alarm
MORE_IS_BETTER = frozenset({"throughput", "knee", "verdict"})
COLD_METRICS = tuple(metric for metric in METRICS if metric != RATE)


def compare(
    old: Mapping[str, Side],
    new: Mapping[str, Side],
    absent: Mapping[str, str] | None = None,
    *,
    same_host: bool = True,
    despite_busy: bool = False,
) -> Comparison:
    """Return the changes from the earlier run to the later one.

    Args:
        old: the earlier run's benchmarks by their full names.
        new: the later run's.
        absent: benchmarks that the new run was asked for and did not measure: full name -> reason.
        same_host: both runs are of the same host, so figures are corrected for its own speed; otherwise all
            figures are compared as measured.
        despite_busy: figures are compared although other work kept the host busy in one of the runs.
    """
    pairs, lonely = _matched(old, new, absent or {}, same_host, despite_busy)
    return Comparison(_judged([_Asked(pair) for pair in pairs]), *lonely)


def compare_between(both: Iterable[tuple[Mapping[str, Side], Mapping[str, Side]]], name: str) -> Comparison:
    """Return the changes from one target to another whose trials took turns with its own, in pairs.

    Args:
        both: the first target's series and the second one's, by the full names of their tests: the sweeps,
            the cold starts.
        name: of the comparison.
    """
    asked = []
    for sides in both:
        was, now = (next(iter(_by_series(side, {}).values())) for side in sides)
        asked.append(_Asked(SeriesPair(name, was, now, same_host=False, despite_busy=True, paired=True)))
    return Comparison(_judged(asked))


def _judged(asked: Sequence[_Asked]) -> list[SeriesComparison]:
    """Return the series with all their questions tested together."""
    open_questions = [each for one in asked for each in one.questions() if each.old and each.new]
    p_values = adjusted([each.hypothesis for each in open_questions])
    settled = dict(zip(map(id, open_questions), p_values, strict=True))
    return [one.answered(settled) for one in asked]


def _matched(
    old: Mapping[str, Side], new: Mapping[str, Side], absent: Mapping[str, str], *conditions: bool
) -> tuple[list[SeriesPair], tuple[list[str], list[str]]]:
    """Return the series that both runs have, and the names of the series that only one of them has."""
    halves = [_by_series(old, {}), _by_series(new, absent)]
    both = [name for name in halves[0] if name in halves[1]]
    pairs = [SeriesPair(name, halves[0][name], halves[1][name], *conditions) for name in both]
    only = [[name for name in one if name not in other] for one, other in (halves, halves[::-1])]
    return pairs, (only[0], only[1])


def _by_series(run: Mapping[str, Side], absent: Mapping[str, str]) -> dict[str, Half]:
    """Return the series of a run; the loads of a search belong to the series whose knee was searched."""
    steps: dict[str, dict[float, Side]] = {}
    searches: dict[str, Side] = {}
    for fullname, side in run.items():
        step_s = side.load["time_step_s"]
        name = series_of(fullname, step_s, side.load.get("series"))
        if side.load.get("knee"):
            searches[name] = side
        else:
            steps.setdefault(name, {})[step_s or 0.0] = side
    return {name: _half(found, absent, searches.get(name)) for name, found in steps.items()}


def _half(steps: Mapping[float, Side], absent: Mapping[str, str], search: Side | None) -> Half:
    if search is None or len(search.records) > 1:
        return Half(steps, absent)
    return Half(steps, absent, searched(search), search.load["knee"].get("rate_hz"))


class _Asked:
    """All questions about one series."""

    def __init__(self, pair: SeriesPair) -> None:
        self._pair = pair
        steps = sorted({**pair.old.steps, **pair.new.steps}, reverse=True)
        self._sides = {each: (pair.old.steps.get(each), pair.new.steps.get(each)) for each in steps}
        self._cold = steps == [0.0]
        self._status = {each: pair.status(each, self._fullname(each)) for each in steps}
        self._metrics = self._asked_of()
        self._knee = None if self._cold else pair.knee()

    def _fullname(self, step_s: float) -> str:
        return next(side.fullname for side in self._sides[step_s] if side is not None)

    def _asked_of(self) -> dict[float, list[Question]]:
        """Return the questions about the metrics of each step, which none has that one run lacks."""
        found: dict[float, list[Question]] = {each: [] for each in self._sides}
        both = {each: (was, now) for each, (was, now) in self._sides.items() if was and now}
        how = {"despite_busy": self._pair.despite_busy, "paired": self._pair.paired}
        for metric in COLD_METRICS if self._cold else METRICS:
            asked = [Asked(ask(metric, was, now, **how), was, now) for was, now in both.values()]
            with_host = metric not in LATENCIES or not self._pair.same_host
            questions = [each.question for each in asked] if with_host else corrected(asked)
            for step_s, question in zip(both, questions, strict=True):
                found[step_s].append(question)
        return found

    def questions(self) -> Iterable[Question]:
        """Yield all questions."""
        yield from self._status.values()
        for each in self._metrics.values():
            yield from each
        if self._knee is not None:
            yield self._knee

    def answered(self, p_values: Mapping[int, float]) -> SeriesComparison:
        """Return the series with a judgement for each question."""
        knee = None if self._knee is None else judge(self._knee, p_values.get(id(self._knee)))
        return SeriesComparison(self._pair.name, [self._step(each, p_values) for each in self._sides], knee)

    def _step(self, step_s: float, p_values: Mapping[int, float]) -> Step:
        fullname, question = self._fullname(step_s), self._status[step_s]
        was, now = (half.verdict(step_s, fullname) for half in (self._pair.old, self._pair.new))
        changes = [judge(each, p_values.get(id(each))) for each in self._metrics[step_s]]
        trials = [0 if side is None else len(side.rows) for side in self._sides[step_s]]
        status = _status(question, was, now, p_values.get(id(question)))
        target = str(next(side for side in reversed(self._sides[step_s]) if side is not None).load["target"])
        return Step(
            fullname,
            target,
            step_s or None,
            was,
            now,
            status,
            changes,
            (trials[0], trials[1]),
            self._host(step_s),
            self._busy(step_s),
        )

    def _busy(self, step_s: float) -> tuple[float, ...] | None:
        asked = self._pair.despite_busy and not self._pair.paired
        found = self._pair.busier_at(step_s) if asked else None
        return None if found is None else found.figures

    def _host(self, step_s: float) -> float | None:
        old, new = self._sides[step_s]
        change = slowdown(old, new) if old and new else None
        return None if change is None else math.expm1(change)


class _Ends(TypedDict):
    was: float | None
    now: float | None


def judge(question: Question, p: float | None) -> Change:
    """Return the judgement of a metric, or the reason why it could not be tested."""
    ends = _Ends(was=question.was, now=question.now)
    if p is None:
        plain = _plain_change(question)
        nothing: Judgement = "no evidence" if question.comparable else "not comparable"
        return Change(question.metric, nothing, question.why_not, **ends, change=plain)
    found = _widened(question.shift, question.slope_error)
    as_change = (lambda value: value) if question.absolute else math.expm1
    estimate, low, high, noise = map(as_change, (*found, question.noise))
    certain = p <= ALPHA and abs(found.estimate) > question.noise
    judged = direction(question.metric, found.estimate) if certain else "no evidence"
    why = None if certain else Why(Cause.NOISE)
    measured = question.measured_shift
    is_corrected = bool(question.sensitivity)
    return Change(
        question.metric,
        judged,
        why,
        **ends,
        change=estimate,
        low=low,
        high=high,
        noise=noise,
        p=p,
        measured=as_change(measured.estimate),
        corrected=estimate if is_corrected else None,
        sensitivity=question.sensitivity,
        counts="corrected" if is_corrected else "measured",
    )


def _widened(found: Shift, error: float) -> Shift:
    """Return a change within bounds that allow for the slope's error too."""
    reach = DEVIATIONS * error
    low, high = (math.hypot(each - found.estimate, reach) for each in (found.low, found.high))
    return Shift(found.estimate, found.estimate - low, found.estimate + high)


def direction(metric: str, change: float) -> Judgement:
    """Return whether a change of this sign is an improvement or a regression."""
    return "better" if (change > 0) == (metric in MORE_IS_BETTER) else "worse"


def _plain_change(question: Question) -> float | None:
    """Return the untested change; None if it cannot be computed."""
    if not question.comparable or question.was is None or question.now is None:
        return None
    if question.absolute:
        return question.now - question.was
    return question.now / question.was - 1 if question.was else None


def _status(question: Question, was: str, now: str, p: float | None) -> Change:
    """Return whether a step ceased to be ok, or became ok.

    With few trials the verdicts alone decide. With enough trials, the numbers of ok trials must differ by
    more than chance. A step that is missing without a reason was left out; that always counts as worse.
    """
    ends, metric = _Ends(was=question.was, now=question.now), question.metric
    if question.was == question.now or not question.comparable:
        nothing: Judgement = "no evidence" if question.comparable else "not comparable"
        return Change(metric, nothing, question.why_not if not question.comparable else None, **ends)
    untested = question.why_not is not None and question.why_not.cause is Cause.FEW_TRIALS
    if MISSING in {was, now} or untested or (p is not None and p <= ALPHA):
        if was == MISSING:
            return Change(metric, "no evidence", Why(Cause.MISSING_BEFORE), **ends)
        return Change(
            metric,
            direction(metric, (question.now or 0) - (question.was or 0)),
            Why(Cause.VERDICT_CHANGED, verdicts=(was, now)),
            p=p,
            **ends,
        )
    return Change(metric, "no evidence", question.why_not or Why(Cause.NOISE), p=p, **ends)
