"""A series in both runs: its steps, the step that ended it, the knee of each trial. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

from pytest_unikernel.compare.questions import Question, busier, conditions, few_trials, of_values, slower
from pytest_unikernel.compare.sides import OK, Side
from pytest_unikernel.results.evidence import Cause, Why
from pytest_unikernel.results.knee import NOT_THE_TARGET, verdict_on

SKIPPED, MISSING = "skipped", "missing"


@dataclass(frozen=True)
class Half:
    """A series in one of the runs.

    Attributes:
        steps: the loads by time step in seconds.
        search: the loads of the search for the knee, by time step in seconds.
        found_hz: the rate that the search found.
        absent: full name -> reason why the load was not measured, where it is known.
    """

    steps: Mapping[float, Side]
    absent: Mapping[str, str]
    search: Mapping[float, Side] = field(default_factory=dict)
    found_hz: float | None = None

    def verdict(self, step_s: float, fullname: str) -> str:
        """Return a step's verdict, or why there is none: the series ended earlier, or the step is missing."""
        side = self.steps.get(step_s)
        if side is not None:
            return side.verdict
        return self.absent.get(fullname) or (SKIPPED if self.ended_by(step_s) else MISSING)

    def ended_by(self, step_s: float) -> str:
        """Return the verdict that ended the series before the step; empty if the series had not ended."""
        ended = self.ended_at(step_s)
        return "" if ended is None else self.steps[ended].verdict

    def ended_at(self, step_s: float) -> float | None:
        """Return the time step that ended the series before the step; None if the series had not ended."""
        ended = [each for each in self.steps if each > step_s and self.steps[each].verdict != "ok"]
        return max(ended) if ended else None

    def was_ok(self, step_s: float) -> list[float]:
        """Return whether the step was ok in each trial, as 1 or 0.

        In a step that was not run, a trial counts as ok if it was ok in all slower steps: nothing speaks
        against it.
        """
        side = self.steps.get(step_s)
        known = [side] if side else [self.steps[each] for each in self.steps if each > step_s]
        return [float(all(flags)) for flags in zip(*(each.values(OK) for each in known), strict=False)]

    @cached_property
    def knees_hz(self) -> list[float]:
        """Each trial's fastest ok rate; half the slowest rate where no step of the trial was ok."""
        known = {**self.steps, **self.search}
        trials = min(len(side.rows) for side in known.values())
        return [self._knee_hz(known, number) for number in range(trials)]

    @staticmethod
    def _knee_hz(known: Mapping[float, Side], number: int) -> float:
        knee_hz = 0.5 / max(known)
        for step_s in sorted(known, reverse=True):
            row = known[step_s].rows[number]
            if verdict_on(row.get("verdict"), row.get("completed")) != "ok":
                break
            knee_hz = 1 / step_s
        return knee_hz

    @property
    def whole_knee_hz(self) -> float | None:
        """The rate that a search found; without a search, the fastest rate that was ok over all trials."""
        if self.found_hz is not None:
            return self.found_hz
        found = None
        for step_s in sorted(self.steps, reverse=True):
            if self.steps[step_s].verdict != "ok":
                break
            found = 1 / step_s
        return found

    @property
    def unbroken_to_hz(self) -> float | None:
        """The fastest rate that was run if it was still ok, so that the knee is open; else None."""
        fastest = min(self.steps)
        return 1 / fastest if self.steps[fastest].verdict == "ok" else None


@dataclass(frozen=True)
class SeriesPair:
    """A series in both runs.

    Attributes:
        same_host: both runs are of the same host, so figures are corrected for its speed.
        despite_busy: other work on the host is no reason not to compare.
        paired: the halves are two targets that took turns.
    """

    name: str
    old: Half
    new: Half
    same_host: bool = True
    despite_busy: bool = False
    paired: bool = False

    def knee(self) -> Question:
        """Return the question whether the knee moved.

        If the fastest rate of a run was still ok, rates beyond it do not count in either run.
        """
        caps = [cap for half in (self.old, self.new) if (cap := half.unbroken_to_hz) is not None]
        cap_hz = min(caps, default=float("inf"))
        old, new = ([min(each, cap_hz) for each in half.knees_hz] for half in (self.old, self.new))
        ends = self.old.whole_knee_hz, self.new.whole_knee_hz
        moved = median(new) - median(old) if old and new else 0.0
        why_not = self._why_no_knee() or (self._slower(worse=moved < 0) if moved else None)
        if why_not is not None:
            return Question("knee", *ends, why_not=why_not, comparable=self.otherwise is None)
        return of_values("knee", ends, old, new, paired=self.paired)

    def _slower(self, *, worse: bool) -> Why | None:
        """Return ``HOST_SPEED`` if the host's speed explains why fewer or more steps are ok, else None."""
        both = [
            (self.old.steps[each], self.new.steps[each]) for each in self.old.steps if each in self.new.steps
        ]
        ok = [(was, now) for was, now in both if was.verdict == now.verdict == "ok"]
        return slower(ok, worse=worse) if self.same_host else None

    def _why_no_knee(self) -> Why | None:
        trials = few_trials(len(self.old.knees_hz), len(self.new.knees_hz), paired=self.paired)
        bound = _says_nothing(half.ended_by(0.0) for half in (self.old, self.new))
        return self.otherwise or trials or bound or self._busier()

    @cached_property
    def otherwise(self) -> Why | None:
        """The reason why the common steps cannot be compared; None if they can."""
        if any(side.imported for half in (self.old, self.new) for side in half.steps.values()):
            return Why(Cause.NO_VERDICT)
        both = [
            (self.old.steps[each], self.new.steps[each]) for each in self.old.steps if each in self.new.steps
        ]
        if not both:
            return Why(Cause.NO_COMMON_STEP)
        return next(filter(None, (conditions(*each, paired=self.paired) for each in both)), None)

    def busier_at(self, step_s: float) -> Why | None:
        """Return ``OTHER_WORK`` if the host was busy at a step; None if not, or if a run lacks the step."""
        old, new = self.old.steps.get(step_s), self.new.steps.get(step_s)
        return busier(old, new) if old and new else None

    def _busier(self) -> Why | None:
        if self.despite_busy:
            return None
        both = sorted(each for each in self.old.steps if each in self.new.steps)
        return next(filter(None, map(self.busier_at, both)), None)

    def _busy_at(self, step_s: float) -> Why | None:
        """Return ``OTHER_WORK`` if the host was busy at a step, or at the step that ended the series."""
        if self.despite_busy:
            return None
        ended = (self.old.ended_at(step_s), self.new.ended_at(step_s))
        each = (step_s, *(step for step in ended if step is not None))
        return next(filter(None, map(self.busier_at, each)), None)

    def status(self, step_s: float, fullname: str) -> Question:
        """Return the question whether a step was ok in one run and not in the other."""
        was, now = (half.verdict(step_s, fullname) for half in (self.old, self.new))
        ends = float(was == "ok"), float(now == "ok")
        old, new = self.old.steps.get(step_s), self.new.steps.get(step_s)
        other = self.otherwise if self.otherwise == Why(Cause.NO_VERDICT) else None
        if old and new:
            other = other or conditions(old, new, paired=self.paired)
        if other is not None:
            return Question("verdict", *ends, why_not=other, comparable=False)
        unknown = _says_nothing((was, now, self.old.ended_by(step_s), self.new.ended_by(step_s)))
        if unknown is not None:
            return Question("verdict", *ends, why_not=unknown)
        flags = self.old.was_ok(step_s), self.new.was_ok(step_s)
        why_not = self._busy_at(step_s) or (
            self._slower(worse=ends[1] < ends[0]) if ends[0] != ends[1] else None
        )
        why_not = why_not or few_trials(*map(len, flags), paired=self.paired)
        if why_not:
            return Question("verdict", *ends, why_not=why_not)
        return Question("verdict", *ends, *flags, paired=self.paired)


def _says_nothing(verdicts: Iterable[str]) -> Why | None:
    """Return the first verdict that says nothing about the target; None if there is none."""
    found = sorted(NOT_THE_TARGET.intersection(verdicts))
    return Why(Cause.VERDICT, verdicts=(found[0],)) if found else None
