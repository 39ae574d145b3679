"""One pytest run's loads: the session, what each series has shown, what is resumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_unikernel import journal
from pytest_unikernel.interrupts import Interrupts
from pytest_unikernel.load import LoadOptions, Loads, Measured
from pytest_unikernel.plan import LoadPlan
from pytest_unikernel.quiescence import Quiescence
from pytest_unikernel.result import LoadResult, plain
from pytest_unikernel.schedule import step_id
from pytest_unikernel.session import Session
from pytest_unikernel.settings import SweepSettings
from pytest_unikernel.target import Target, Unavailable


@dataclass
class Series:
    """What the steps of one swept test have shown so far."""

    longest_service_s: float = 0.0
    results: dict[Fraction, LoadResult] = field(default_factory=dict)

    def add(self, step: Fraction, result: LoadResult) -> None:
        """Take the result of a step."""
        self.results[step] = result
        self.longest_service_s = max(self.longest_service_s, result.service_time_s.max or 0.0)

    def why_not(self, step: Fraction) -> str:
        """Return why a step need not be run: a slower one wasn't ok. Empty if it must be."""
        ended = [each for each, result in self.results.items() if each > step and result.verdict != "ok"]
        if not ended:
            return ""
        slowest = max(ended)
        return f"not run: {step_id(slowest)} was {self.results[slowest].verdict} already"


@dataclass(frozen=True)
class Request:
    """What a test asks for; ``series`` is its node id without the time step."""

    fullname: str
    series: str
    target: Target
    settings: SweepSettings


@dataclass(frozen=True)
class Entry:
    """A finished load, for the summary."""

    fullname: str
    series: str
    record: Mapping[str, Any]
    resumed: bool = False


@dataclass(frozen=True)
class SkippedStep:
    """A step that was not run, and why."""

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
        self.entries: list[Entry] = []
        self.skips: list[SkippedStep] = []
        self.seen: set[str] = set()
        self.missing: list[tuple[str, Unavailable]] = []
        self.interrupted = False

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

    def step(self, request: Request, step: Fraction, interrupts: Interrupts) -> Measured:
        """Run one step of a series, unless a resumed run has it already."""
        series, settings = self.series(request.series), request.settings
        asked = _asked(request.target, settings, step)
        known = self._known(request, asked)
        if known is None:
            plan = _plan(settings, step, series.longest_service_s)
            measured = self._loads(settings, interrupts).sweep(request.target, plan, asked)
        else:
            measured = Measured(known)
        series.add(step, measured.result)
        self._enter(request, measured.result, resumed=known is not None)
        self._journal.add(request.fullname, measured.result)
        return measured

    def cold(self, request: Request, launches: int, interrupts: Interrupts) -> Measured:
        """Run cold starts; they take seconds and are not resumed."""
        asked = {"launches": launches, **_launching(request.target, request.settings)}
        measured = self._loads(request.settings, interrupts).cold(request.target, launches, asked)
        self._enter(request, measured.result)
        return measured

    def once(self, request: Request, interrupts: Interrupts) -> Measured:
        """Launch a single instance and keep its output: what is left of a load under --benchmark-disable."""
        loads = self._loads(request.settings, interrupts, keep_output=True)
        return loads.cold(request.target, 1, {}, unmeasured=0)

    def _known(self, request: Request, asked: Mapping[str, Any]) -> LoadResult | None:
        """Return the result of an earlier run, if it is of the very same load."""
        found = self._finished.get(request.fullname)
        if found is None:
            return None
        target, record = request.target, found.record
        wanted = (target.full_name, plain(target.variant), str(target.ready), plain(asked))
        same = (record["target"], record["variant"], record["ready"], record["settings"]) == wanted
        return found.result() if same else None

    def _loads(self, settings: SweepSettings, interrupts: Interrupts, *, keep_output: bool = False) -> Loads:
        if self._session is None or self._quiescence is None:
            self._session = Session(self._terminal)
            self._quiescence = Quiescence(self._session.sample)
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

    def _enter(self, request: Request, result: LoadResult, *, resumed: bool = False) -> None:
        self.interrupted |= result.interrupted
        self.entries.append(Entry(request.fullname, request.series, result.as_json(), resumed))

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
    """Return what must be equal for two loads to be the same: the window, the warm-up's rule, the launch."""
    return {
        "profile": settings.profile,
        "warmup_s": settings.warmup_s,
        "max_warmup_s": settings.max_warmup_s,
        "window_s": settings.window_for(step),
        "trials": settings.trials,
        "arrivals": settings.arrivals,
        "seed": settings.seed,
        "drain_timeout_s": settings.drain_timeout_s,
        **_launching(target, settings),
    }


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
