"""One pytest run's loads: the session, what each series has shown, what is resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.launch.cleanup import leftovers
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.results.objectives import judged
from pytest_unikernel.results.result import LoadResult, plain
from pytest_unikernel.run import journal
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.load import Load, Measured
from pytest_unikernel.run.load_options import LoadOptions
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.request import Request, launching
from pytest_unikernel.run.series import Entry, Series, SkippedStep
from pytest_unikernel.run.session import Session


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
        asked = {"launches": launches, **launching(request.target, request.settings)}
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


def _judged(measured: Measured, settings: SweepSettings) -> Measured:
    """Return the load with the verdicts on this run's objectives, which an earlier run need not have had."""
    slo = judged(measured.result, settings.slo) if settings.slo else None
    return replace(measured, result=replace(measured.result, slo=slo))
