"""A pytest run's loads: the session, the series so far, the resumed steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pytest_unikernel.errors import UnikernelError
from pytest_unikernel.host.quiet import Excess, Quiescence
from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.launch.progress import Progress
from pytest_unikernel.plan.load_plan import ColdPlan, LoadPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.results.host_knees import knees
from pytest_unikernel.results.objectives import judged
from pytest_unikernel.results.precision import as_json, is_precise
from pytest_unikernel.results.result import LoadResult, plain
from pytest_unikernel.results.skips import SkippedStep, WhySkipped
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import Judged
from pytest_unikernel.run import journal
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.joining import Measured
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.part import Part
from pytest_unikernel.run.request import Request, settings_json
from pytest_unikernel.run.series import FinishedLoad, Series
from pytest_unikernel.run.session import Session

if TYPE_CHECKING:  # its readers of records are slow to import, and few runs are resumed
    from pytest_unikernel.run.resumed import Steps


# Shows a load of that label as long as it is open; what it gives is called with the load's progress.
Show = Callable[[str], AbstractContextManager[Callable[[Progress], None]]]


class SweepLoads(Protocol):
    """What runs the loads of time steps: on this host, or on several."""

    def sweep(self, target: Target, plan: LoadPlan) -> Measured:
        """Run all trials of a load."""

    def trial(self, target: Target, plan: LoadPlan, number: int, before: Sequence[Trial] = ()) -> Part:
        """Run one trial of a load."""

    def judged(self, parts: Sequence[Part]) -> Judged:
        """Return the verdict on the parts of a load so far."""

    def finished(
        self, target: Target, plan: LoadPlan, parts: Sequence[Part], *, interrupted: bool = False
    ) -> Measured:
        """Join the parts of a load."""


class Hosts(Protocol):
    """Several hosts that run the loads of time steps together.

    Attributes:
        stop: why no more loads may run; empty as long as they may.
    """

    stop: str

    def loads(self, interrupts: Interrupts, show: Show) -> SweepLoads:
        """Return what runs loads on these hosts, and shows their progress."""

    def close(self) -> None:
        """Leave the hosts."""


class Run:
    """Everything that loads share in one pytest run; made at the first load, closed at the end.

    Attributes:
        entries: the loads so far, in the order they were run.
        skips: the steps that were not run.
        seen: the variants that tests have asked for.
        missing: those that could not run here, and why; once per test.
        interrupted: whether a load was cut short.
        place: where the run stands, in words, for the live line.
        shown: the errors that tests have shown in full, each with the first such test.
        kept: functions that deliver loads with trials left, by full name, should the run end.
    """

    def __init__(
        self,
        terminal: int = -1,
        journals: Path | None = None,
        finished: Steps | None = None,
        origin: Mapping[str, Any] | None = None,
        hosts: Hosts | None = None,
        *,
        session: Session | None = None,
    ) -> None:
        """Take note of how loads are run.

        Args:
            terminal: a descriptor of the terminal for the live line, or -1.
            journals: the directory for the journal; None: no journal.
            finished: the loads of an earlier run, which are not run again.
            origin: what is recorded about this run with each load.
            hosts: other hosts that run the trials of steps; None: this one does.
            session: the session, where it has been started; by default it is at the first load.
        """
        self._hosts = hosts
        self._terminal = terminal
        self._journal = journal.Journal(journals)
        self._finished = finished or {}
        self._origin = origin
        self._session = session
        self._quiescence: Quiescence | None = None
        self._series: dict[str, Series] = {}
        self._parts: dict[str, list[Part]] = {}
        self.entries: list[FinishedLoad] = []
        self.skips: list[SkippedStep] = []
        self.seen: set[str] = set()
        self.missing: list[tuple[str, Unavailable]] = []
        self.shown: dict[str, str] = {}
        self.interrupted = False
        self.place = ""
        self.kept: dict[str, Callable[[], None]] = {}

    @property
    def disturbed(self) -> list[float]:
        """The CPU time in use, in %, before each load that started on a busy host."""
        return self._quiescence.disturbed if self._quiescence is not None else []

    def skipped(self, fullname: str, series: str, step: Fraction, why: WhySkipped) -> None:
        """Take note of a step that isn't run."""
        self.skips.append(SkippedStep(fullname, series, step, why))

    def series(self, name: str) -> Series:
        """Return the series of a swept test."""
        return self._series.setdefault(name, Series())

    def step(self, request: Request, step: Fraction, interrupts: Interrupts) -> Measured:
        """Run one step of a series, unless a resumed run has it already."""
        measured = self.measure(request, step, interrupts)
        self.series(request.series).add(step, measured.result)
        return measured

    def measure(self, request: Request, step: Fraction, interrupts: Interrupts) -> Measured:
        """Run one load, unless a resumed run has it already, and put it on record."""
        known = self.finished(request, step)
        if known is not None:
            return self._recorded(request, Measured(known), resumed=True)
        loads, plan = self._sweeps(interrupts), self._plan(request, step)
        if plan.precision is None:
            measured = loads.sweep(request.target, plan)
        else:
            parts = _with_trials(loads, request.target, plan, [], is_last=True)
            measured = loads.finished(request.target, plan, parts)
        return self._recorded(request, _certain(measured, loads, request, plan))

    def trial(
        self, request: Request, step: Fraction, interrupts: Interrupts, *, is_last: bool
    ) -> Measured | None:
        """Run the next trial of a step; return the load when all of its trials are run, and None before.

        Args:
            request: the load.
            step: its time step.
            interrupts: those of the user.
            is_last: run all trials that are left.
        """
        parts = self._parts.pop(request.fullname, [])
        known = self.finished(request, step)
        if known is not None:
            measured = self._recorded(request, Measured(known), resumed=True)
        else:
            loads, plan = self._sweeps(interrupts), self._plan(request, step)
            parts = _with_trials(loads, request.target, plan, parts, is_last=is_last)
            if not parts[-1].cut_short and not _is_complete(loads, plan, parts):
                self._parts[request.fullname] = parts
                self.series(request.series).note(step, loads.judged(parts), _trials(parts))
                return None
            measured = _certain(loads.finished(request.target, plan, parts), loads, request, plan)
            measured = self._recorded(request, measured)
        self.series(request.series).add(step, measured.result)
        return measured

    def has_trials(self, request: Request) -> bool:
        """Return whether trials of a load have been run, and others are left."""
        return request.fullname in self._parts

    def joined(self, request: Request, step: Fraction) -> Measured:
        """Put a load on record with the trials that it has: no others will be run."""
        parts, plan = self._parts.pop(request.fullname), self._plan(request, step)
        measured = self._sweeps(Interrupts()).finished(request.target, plan, parts)
        self.series(request.series).add(step, measured.result)
        return self._recorded(request, measured)

    def cut_short(self, request: Request, step: Fraction) -> Measured:
        """Put a load on record, marked as interrupted: the run has ended before all of its trials."""
        parts, plan = self._parts.pop(request.fullname), self._plan(request, step)
        loads = self._sweeps(Interrupts())
        return self._recorded(request, loads.finished(request.target, plan, parts, interrupted=True))

    def cold(self, request: Request, launches: int, interrupts: Interrupts) -> Measured:
        """Run cold starts, unless a resumed run has them already, and put them on record."""
        known = self.finished_cold(request, launches)
        if known is not None:
            return self._noted(request, Measured(known), resumed=True)
        plan = request.settings.cold_plan(launches)
        return self._noted(request, self._loads(interrupts).cold(request.target, plan))

    def once(self, request: Request, interrupts: Interrupts) -> Measured:
        """Launch a single instance and keep its output: the rest of a load under --benchmark-disable."""
        plan = request.settings.cold_plan(1, unmeasured=0, keep_output=True)
        return self._loads(interrupts).cold(request.target, plan)

    def _plan(self, request: Request, step: Fraction) -> LoadPlan:
        series = self.series(request.series)
        search = request.is_of_search
        return request.plan(step, series.longest_ok_service_s if search else series.longest_service_s)

    def time_step_of_finished(self, fullname: str) -> float | None:
        """Return the time step of the load that an earlier run has of a test."""
        found = self._finished.get(fullname)
        return None if found is None else found.record["time_step_s"]

    def finished(self, request: Request, step: Fraction) -> LoadResult | None:
        """Return the result of an earlier run, if it is of the very same load."""
        return self._finished_load(request, request.plan(step), float(step))

    def finished_cold(self, request: Request, launches: int) -> LoadResult | None:
        """Return the cold starts of an earlier run, if they are the very same."""
        return self._finished_load(request, request.settings.cold_plan(launches), None)

    def _finished_load(
        self, request: Request, plan: LoadPlan | ColdPlan, time_step_s: float | None
    ) -> LoadResult | None:
        found = self._finished.get(request.fullname)
        if found is None:
            return None
        target, record, settings = request.target, found.record, settings_json(request.target, plan)
        asked = (target.full_name, plain(target.variant), str(target.ready), plain(settings))
        had = (record["target"], record["variant"], record["ready"], record["settings"])
        return found.result() if had == asked and record["time_step_s"] == time_step_s else None

    @property
    def why_stop(self) -> str:
        """Why no more time steps can be run; empty as long as they can."""
        return "" if self._hosts is None else self._hosts.stop

    def _sweeps(self, interrupts: Interrupts) -> SweepLoads:
        return self._loads(interrupts) if self._hosts is None else self._hosts.loads(interrupts, self._shown)

    def _loads(self, interrupts: Interrupts) -> Loads:
        session = self._own_session()
        if self._quiescence is None:
            self._quiescence = Quiescence(
                session.sample, lambda: list(leftovers.holders(session.token)), session.hurry
            )
        return Loads(session, self._quiescence, interrupts, self.place)

    def _own_session(self) -> Session:
        if self._session is None:
            self._session = Session(self._terminal)
        return self._session

    @contextmanager
    def _shown(self, label: str) -> Iterator[Callable[[Progress], None]]:
        """Show a load that other processes make in the live line, where there is a terminal."""
        if self._terminal < 0:
            yield lambda _: None
            return
        session = self._own_session()
        session.begin(label, self.place)
        try:
            yield session.progress
        finally:
            session.end()

    def _recorded(self, request: Request, measured: Measured, *, resumed: bool = False) -> Measured:
        """Judge a load by the objectives of this run; take it into the summary and the journal."""
        slo = judged(measured.result, request.settings.slo) if request.settings.slo else None
        asked = None if request.is_of_search else request.settings.precision
        known = as_json(asked, measured.result.per_trial) if asked else None
        result = replace(measured.result, slo=slo, precision=known, series=request.series)
        result = self.with_knees(request, result)
        return self._noted(request, replace(measured, result=result), resumed=resumed)

    def with_knees(self, request: Request, result: LoadResult) -> LoadResult:
        """Return a load with the knees of its series up to it, of all hosts and of each."""
        if result.hosts is None:
            return result
        others = (each for each in self.entries if each.fullname != request.fullname)
        records = [each.record for each in others if each.series == request.series]
        return replace(result, knees=knees([*records, result.as_json()]))

    def _noted(self, request: Request, measured: Measured, *, resumed: bool = False) -> Measured:
        """Take a load into the summary and the journal; a resumed one keeps the run that measured it."""
        if not resumed:
            measured = replace(measured, result=replace(measured.result, run=self._origin))
        self.enter(request, measured.result, resumed=resumed, unrest=measured.unrest)
        self._journal.add(request.fullname, measured.result)
        return measured

    def enter(
        self, request: Request, result: LoadResult, *, resumed: bool = False, unrest: Sequence[Excess] = ()
    ) -> None:
        """Take a load into the summary; a test that is run again has its last load there."""
        self.interrupted |= result.interrupted
        self.entries = [entry for entry in self.entries if entry.fullname != request.fullname]
        about = {"resumed": resumed, "searched": request.is_of_search}
        self.entries.append(
            FinishedLoad(request.fullname, request.series, result.as_json(), **about, unrest=unrest)
        )

    def close_journal(self, *, complete: bool) -> Path | None:
        """Return the journal to resume from; None if the run is complete or had no load."""
        return self._journal.close(keep=not complete)

    @property
    def not_in_journal(self) -> str:
        """Why the journal lacks loads; empty if it has all."""
        return self._journal.lacks

    def close(self) -> None:
        """End the helpers and remove the private directory."""
        if self._hosts is not None:
            self._hosts.close()
        if self._session is not None:
            self._session.close()
            self._session = None


def _trials(parts: Sequence[Part]) -> list[Trial]:
    return [trial for part in parts for trial in part.trials]


def _count(parts: Sequence[Part]) -> int:
    return len(_trials(parts))


def _is_complete(loads: SweepLoads, plan: LoadPlan, parts: Sequence[Part]) -> bool:
    """Return whether a load has its trials; a step that isn't ok gets no more for the sake of precision."""
    trials = _trials(parts)
    if len(trials) < plan.trials or plan.precision is None:
        return len(trials) >= plan.trials
    done = len(trials) >= plan.max_trials or loads.judged(parts).verdict != "ok"
    return done or is_precise(plan.precision, trials)


def _with_trials(
    loads: SweepLoads, target: Target, plan: LoadPlan, parts: Sequence[Part], *, is_last: bool
) -> list[Part]:
    """Return the parts of a load and the next, or all that are left; an interrupt ends them early."""
    grown = list(parts)
    while not _is_complete(loads, plan, grown):
        grown.append(loads.trial(target, plan, _count(grown), _trials(grown)))
        if grown[-1].cut_short or not is_last:
            break
    return grown


def _certain(measured: Measured, loads: SweepLoads, request: Request, plan: LoadPlan) -> Measured:
    """Return a load, or its repetition where one or two late launches of few decided its verdict."""
    if not measured.doubtful:
        return measured
    try:
        return measured.repeated(loads.sweep(request.target, plan))
    except UnikernelError as error:  # the first load is measured: it must not be lost
        return replace(measured, problems=[*measured.problems, f"it could not be repeated: {error}"])
