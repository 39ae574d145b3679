"""One pytest run's loads: the session, what each series has shown, what is resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_unikernel import journal
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.interrupts import Interrupts
from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.load import Load, LoadOptions, Measured
from pytest_unikernel.loads import Loads
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plan.step_names import step_id
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.results.objectives import judged
from pytest_unikernel.results.result import LoadResult, plain
from pytest_unikernel.session import Session


@dataclass
class Series:
    """What the steps of one swept test have shown so far."""

    longest_service_s: float = 0.0
    results: dict[Fraction, LoadResult] = field(default_factory=dict)

    def add(self, step: Fraction, result: LoadResult) -> None:
        """Take the result of a step."""
        self.results[step] = result
        self.longest_service_s = max(self.longest_service_s, result.service_time_s.max or 0.0)

    @property
    def longest_ok_service_s(self) -> float:
        """The longest service time of the steps that were ok.

        A search has its steps among those: times beyond the knee would make it warm up for minutes.
        """
        times = (result.service_time_s.max for result in self.results.values() if result.verdict == "ok")
        return max((time_s or 0.0 for time_s in times), default=0.0)

    def why_not(self, step: Fraction) -> str:
        """Return why a step need not be run: a slower one wasn't ok. Empty if it must be."""
        ended = [each for each, result in self.results.items() if each > step and result.verdict != "ok"]
        if not ended:
            return ""
        slowest = max(ended)
        return f"not run: {step_id(slowest)} was {self.results[slowest].verdict} already"


@dataclass(frozen=True)
class Request:
    """What a test asks for.

    Attributes:
        fullname: names the load in a run; the test's node id, for a search's loads with more behind it.
        series: the test's node id without the time step.
        backlog_share: a search's own rule for its loads; None is the usual one.
    """

    fullname: str
    series: str
    target: Target
    settings: SweepSettings
    backlog_share: float | None = None

    def asked(self, step: Fraction) -> dict[str, Any]:
        """Return what must be equal for two loads to be the same: window, warm-up's rule, launch."""
        rule = {} if self.backlog_share is None else {"backlog_share": self.backlog_share}
        return {**_asked(self.target, self.settings, step), **rule}

    def plan(self, step: Fraction, longest_service_s: float) -> LoadPlan:
        """Return the load to run."""
        plan = _plan(self.settings, step, longest_service_s)
        return plan if self.backlog_share is None else replace(plan, backlog_share=self.backlog_share)


@dataclass(frozen=True)
class Entry:
    """A finished load, for the summary; ``searched`` is one of a search, which no test is named after."""

    fullname: str
    series: str
    record: Mapping[str, Any]
    resumed: bool = False
    searched: bool = False


@dataclass(frozen=True)
class SkippedStep:
    """A step that was not run, and why; step 0 stands for the search for the knee."""

    fullname: str
    series: str
    step: Fraction
    reason: str


class Run:
    """Everything that loads share in one pytest run; made at the first load, closed at the end.

    Attributes:
        entries: the loads so far, in the order they were run.
        skips: the steps that were not run.
        seen: the variants that tests have asked for.
        missing: those that could not run here, and why; once per test.
        interrupted: whether a load was cut short.
        kept: what delivers loads of which not all trials are run, by their full names, should the run end.
        disturbed: how busy the host was, in per cent, before each load that began on a busy one.
    """

    def __init__(
        self, terminal: int = -1, journals: Path | None = None, finished: journal.Steps | None = None
    ) -> None:
        self._terminal = terminal
        self._journal = journal.Journal(journals)
        self._finished = finished or {}
        self._session: Session | None = None
        self._quiescence: Quiescence | None = None
        self._series: dict[str, Series] = {}
        self._unfinished: dict[str, Load] = {}
        self.entries: list[Entry] = []
        self.skips: list[SkippedStep] = []
        self.seen: set[str] = set()
        self.missing: list[tuple[str, Unavailable]] = []
        self.interrupted = False
        self.kept: dict[str, Callable[[], None]] = {}

    @property
    def disturbed(self) -> list[float]:
        """What the class says."""
        return self._quiescence.disturbed if self._quiescence is not None else []

    def skipped(self, fullname: str, series: str, step: Fraction, reason: str) -> None:
        """Take note of a step that isn't run."""
        self.skips.append(SkippedStep(fullname, series, step, reason))

    def series(self, name: str) -> Series:
        """Return the series of a swept test."""
        return self._series.setdefault(name, Series())

    def step(
        self, request: Request, step: Fraction, interrupts: Interrupts, trial: int | None = None
    ) -> Measured:
        """Run one step of a series, or only that trial of it, unless a resumed run has it already."""
        measured = self.measure(request, step, interrupts, trial)
        if measured.unfinished is None:
            self.series(request.series).add(step, measured.result)
        return measured

    def measure(
        self, request: Request, step: Fraction, interrupts: Interrupts, trial: int | None = None
    ) -> Measured:
        """Run one load, unless a resumed run has it already; put it on record when all its trials are run."""
        earlier = self._unfinished.pop(request.fullname, None)
        known = self.finished(request, step)
        if known is None:
            series = self.series(request.series)
            usual = request.backlog_share is None
            plan = request.plan(step, series.longest_service_s if usual else series.longest_ok_service_s)
            loads = self._loads(request.settings, interrupts)
            asked = request.asked(step)
            measured = loads.sweep(request.target, plan, asked, only=trial, earlier=earlier)
        else:
            measured = Measured(known)
        measured = _judged(measured, request.settings)
        if measured.unfinished is not None:
            self._unfinished[request.fullname] = measured.unfinished
            return measured
        self.enter(request, measured.result, resumed=known is not None)
        self._journal.add(request.fullname, measured.result)
        return measured

    def cold(self, request: Request, launches: int, interrupts: Interrupts) -> Measured:
        """Run cold starts; they take seconds and are not resumed."""
        asked = {"launches": launches, **_launching(request.target, request.settings)}
        measured = self._loads(request.settings, interrupts).cold(request.target, launches, asked)
        self.enter(request, measured.result)
        return measured

    def once(self, request: Request, interrupts: Interrupts) -> Measured:
        """Launch a single instance and keep its output: what is left of a load under --benchmark-disable."""
        loads = self._loads(request.settings, interrupts, keep_output=True)
        return loads.cold(request.target, 1, {}, unmeasured=0)

    def time_step_of_finished(self, fullname: str) -> float | None:
        """Return the time step of the load that an earlier run has of a test."""
        found = self._finished.get(fullname)
        return None if found is None else found.record["time_step_s"]

    def finished(self, request: Request, step: Fraction) -> LoadResult | None:
        """Return the result of an earlier run, if it is of the very same load."""
        found = self._finished.get(request.fullname)
        if found is None:
            return None
        target, record = request.target, found.record
        wanted = (target.full_name, plain(target.variant), str(target.ready), plain(request.asked(step)))
        same = (record["target"], record["variant"], record["ready"], record["settings"]) == wanted
        return found.result() if same else None

    def _loads(self, settings: SweepSettings, interrupts: Interrupts, *, keep_output: bool = False) -> Loads:
        if self._session is None or self._quiescence is None:
            self._session = Session(self._terminal)
            token = self._session.token
            self._quiescence = Quiescence(self._session.sample, lambda: list(leftovers.holders(token)))
        options = LoadOptions(
            profile=settings.profile,
            timeout_s=settings.timeout_s,
            max_in_flight=settings.max_in_flight,
            cpus=settings.cpus,
            realtime=settings.realtime,  # type: ignore[arg-type] # the option table allows these only
            quiet_host=settings.quiet_host,  # type: ignore[arg-type]
            output=settings.output,
            raw=settings.raw,
            keep_output=keep_output,
        )
        return Loads(self._session, options, self._quiescence, interrupts)

    def enter(self, request: Request, result: LoadResult, *, resumed: bool = False) -> None:
        """Take a load into the summary."""
        self.interrupted |= result.interrupted
        searched = request.backlog_share is not None
        self.entries.append(Entry(request.fullname, request.series, result.as_json(), resumed, searched))

    def close(self, *, complete: bool) -> Path | None:
        """End the helpers and remove the private directory.

        Returns:
            The journal to resume from; None if the run is complete or had no sweep.
        """
        if self._session is not None:
            self._session.close()
            self._session = None
        return self._journal.close(keep=not complete)


def _asked(target: Target, settings: SweepSettings, step: Fraction) -> dict[str, Any]:
    return {
        "profile": settings.profile,
        "warmup_s": settings.warmup_s,
        "max_warmup_s": settings.max_warmup_s,
        "window_s": settings.window_for(step),
        "trials": settings.trials,
        "order": settings.order,
        "arrivals": settings.arrivals,
        "seed": settings.seed,
        "drain_timeout_s": settings.drain_timeout_s,
        **_launching(target, settings),
    }


def _judged(measured: Measured, settings: SweepSettings) -> Measured:
    """Return the load with the verdicts on this run's objectives, which an earlier run need not have had."""
    slo = judged(measured.result, settings.slo) if settings.slo else None
    return replace(measured, result=replace(measured.result, slo=slo))


def _launching(target: Target, settings: SweepSettings) -> dict[str, Any]:
    cpus = None if settings.cpus is None else sorted(settings.cpus)
    limits = {"timeout_s": settings.timeout_s, "max_in_flight": settings.max_in_flight, "cpus": cpus}
    return {**limits, "argv": list(target.argv)}


def _plan(settings: SweepSettings, step: Fraction, longest_service_s: float) -> LoadPlan:
    return LoadPlan(
        step=step,
        warmup_s=settings.warmup_s,
        max_warmup_s=settings.max_warmup_s,
        window_s=settings.window_for(step),
        drain_timeout_s=settings.drain_timeout_s,
        trials=settings.trials,
        arrivals=settings.arrivals,
        seed=settings.seed,
        longest_service_s=longest_service_s,
    )
