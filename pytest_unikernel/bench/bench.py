"""``Bench``: loads without pytest, with the same settings, records and clean-up."""

from __future__ import annotations

import functools
import os
import warnings
import weakref
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_unikernel.bench import places
from pytest_unikernel.bench.course import Course
from pytest_unikernel.bench.naming import Names, fullname
from pytest_unikernel.bench.probing import why_unavailable
from pytest_unikernel.bench.results import BenchResult, Sweep
from pytest_unikernel.bench.running import alone, close, in_own_words, take_effect
from pytest_unikernel.bench.settings import OF_COLD_STARTS, OF_LOADS, OF_SWEEPS, Settings, one_step
from pytest_unikernel.bench.terminal import terminal
from pytest_unikernel.bench.wording import KEYWORDS, Wording
from pytest_unikernel.errors import LoadError, SettingError, UnavailableError
from pytest_unikernel.host import cgroups
from pytest_unikernel.plan.numeric import is_whole
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plan.step_names import step_id
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.skips import WhySkipped
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.joining import Measured
from pytest_unikernel.run.remaining import PlannedLoad, planned_step
from pytest_unikernel.run.request import Request
from pytest_unikernel.run.run import Run
from pytest_unikernel.text.row import Row

COLD, KNEE = "cold", "knee"
Load = Callable[[Request, Interrupts], Measured | None]
PathLike = str | os.PathLike[str]

if TYPE_CHECKING:  # imported where a run is resumed
    from pytest_unikernel.run.resumed import Steps
    from pytest_unikernel.run.session import Session


class Bench:
    """Runs loads, one at a time, and keeps their results.

    Use it in a ``with`` statement: at its end the helper processes end and the private directory is removed.
    Without one, :meth:`close` does that, or the end of the process; if that is killed, the reaper does.
    Results stay, and can be saved afterwards.

    Ctrl-C, SIGTERM and SIGHUP end a load early. Its result is kept, marked as interrupted, and the signal
    takes effect then: Ctrl-C raises ``KeyboardInterrupt``. Python delivers signals to the main thread only,
    so a load in another thread can't be interrupted.

    Attributes:
        results: the results of all loads, in the order in which they were run.
        last: the last load or sweep, also one that was cut short.
    """

    _wording: ClassVar[Wording] = KEYWORDS
    _started: Session | None = None  # by default a session is started at the first load

    def __init__(
        self,
        *,
        json: PathLike | None = None,
        resume: PathLike | None = None,
        live: bool = True,
        on_load: Callable[[BenchResult], None] | None = None,
        **settings: Any,
    ) -> None:
        """Check the settings; nothing is started before the first load.

        Args:
            json: a file for all results, written anew after each load.
            resume: a file with results of an earlier run: loads that are in it are not run again.
            live: show a running load on standard error, if that is a terminal.
            on_load: called with the result of each load.
            **settings: settings of all loads, as the options ``--sweep-…`` have them without that prefix.

        Raises:
            SettingError: a setting is wrong, the file can't be written, or the one to resume from is damaged.
        """
        self._settings = Settings(settings, self._wording)
        self._json = None if json is None else Path(json).absolute()
        if self._json is not None:
            places.check_file(self._json, self._wording.setting("", "json"))
        self._on_load = on_load
        finished = {} if resume is None else self._finished(Path(resume))
        # What the file has of loads that aren't reached stays in it.
        self._unreached = finished if self._json is not None and _is_same(resume, self._json) else {}
        descriptor = terminal() if live else -1
        self._run = Run(descriptor, finished=finished, session=self._started)
        self._names = Names()
        self._course = Course({})
        self._entered = False
        self._closing = weakref.finalize(self, close, self._run, descriptor)
        self.results: list[BenchResult] = []
        self.last: BenchResult | Sweep | None = None

    def _finished(self, path: Path) -> Steps:
        """Return the loads of an earlier run; what is incomplete is run again.

        Raises:
            SettingError: the file is no record of loads, or damaged.
        """
        from pytest_unikernel.run.resumed import read  # noqa: PLC0415 - resumed runs only

        try:
            return {name: each for name, each in read(path).items() if not each.lacks}
        except LoadError as error:
            raise SettingError(self._wording.without_pytest(str(error))) from error

    # life ---------------------------------------------------------------------------------------------

    def __enter__(self) -> Bench:  # noqa: PYI034 - typing.Self came with 3.11
        if self._entered:
            raise LoadError(
                "Bench: expected one with statement for each Bench, got a second; make a new Bench"
            )
        self._refuse_closed("with")
        self._entered = True
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the helper processes and remove the private directory; results stay."""
        self._closing()

    def _refuse_closed(self, what: str) -> None:
        if not self._closing.alive:
            raise LoadError(
                f"Bench.{what}: expected an open Bench, got one that was closed; make a new Bench"
            )

    # loads --------------------------------------------------------------------------------------------

    @staticmethod
    def target(name: str, /, **changes: Any) -> Target:
        """Return a usual target by its name: ``rust_kernel[kvm]``; see ``pytest_unikernel.target``."""
        from pytest_unikernel.bench.targets import target  # noqa: PLC0415 - targets by name only

        return target(name, **changes)

    def load(
        self,
        target: Target | str,
        *,
        rate_hz: object = None,
        time_step: object = None,
        name: str | None = None,
        **settings: Any,
    ) -> BenchResult:
        """Run one load: launches at a rate, whether or not earlier ones have ended.

        Args:
            target: the target, or the name of a usual one.
            rate_hz: launches per second.
            time_step: seconds between launches, instead of the rate.
            name: names the load in files, instead of the target.
            **settings: as those of ``Bench``.

        Raises:
            SettingError: a setting is wrong.
            UnavailableError: the target can't run here.
            UnikernelError: the load could not be run.
            KeyboardInterrupt: Ctrl-C; ``last`` has what was measured.
        """
        step = one_step(rate_hz, time_step, self._wording)
        chosen = self._settings.of(settings, "load", OF_LOADS, [step])
        target = self._ready("load", target, chosen)
        series = self._names.series(target, [step_id(step)], name)
        request = Request(fullname(series, step_id(step)), series, target, chosen)
        self._course = Course(dict([self._planned(request, step)]))
        return self._whole(request, functools.partial(self._step, step))

    def sweep(
        self, target: Target | str, steps: object = None, *, name: str | None = None, **settings: Any
    ) -> Sweep:
        """Run a load at each time step, slow to fast, until one is not ok.

        Args:
            target: the target, or the name of a usual one.
            steps: time steps in seconds: a list, ``"1:1/64"`` or ``"1,1/2"``; None: the profile's.
            name: names the loads in files, instead of the target.
            **settings: as those of ``Bench``; also ``start``, ``stop`` and ``knee``.

        Raises:
            SettingError: a setting is wrong.
            UnavailableError: the target can't run here.
            UnikernelError: a load could not be run; ``last`` has the ones before it.
            KeyboardInterrupt: Ctrl-C; ``last`` has what was measured.
        """
        if steps is not None and "time_steps" in settings:
            raise SettingError("Bench.sweep: expected steps or time_steps, got both")
        given = settings if steps is None else {**settings, "time_steps": steps}
        chosen = self._settings.of(given, "sweep", OF_SWEEPS)
        target = self._ready("sweep", target, chosen)
        parts = [*map(step_id, chosen.time_steps), *([KNEE] if chosen.knee else [])]
        sweep = self.last = Sweep(self._names.series(target, parts, name), len(parts))
        requests = [Request(fullname(sweep.series, part), sweep.series, target, chosen) for part in parts]
        steps = [*chosen.time_steps, *chosen.time_steps[-1:]][: len(parts)]
        self._course = Course(dict(map(self._planned, requests, steps)))
        asked = dict(zip(chosen.time_steps, requests, strict=False))
        if chosen.order == "rounds":
            self._run_rounds(sweep, asked, chosen.most_trials)
        else:
            self._run_series(sweep, asked)
        if chosen.knee and not sweep.interrupted:
            self._searched(sweep, requests[-1])
        return sweep

    def cold(
        self, target: Target | str, launches: int = 10, *, name: str | None = None, **settings: Any
    ) -> BenchResult:
        """Launch instances one after the other; one more before them is not measured.

        Args:
            target: the target, or the name of a usual one.
            launches: how many are measured.
            name: names the load in files, instead of the target.
            **settings: as those of ``Bench``, as far as they mean something without a schedule.

        Raises:
            SettingError: a setting is wrong.
            UnavailableError: the target can't run here.
            UnikernelError: the launches could not be made.
            KeyboardInterrupt: Ctrl-C; ``last`` has what was measured.
        """
        if not is_whole(launches) or launches < 1:
            raise SettingError(f"Bench.cold: launches must be a whole number >= 1, got {launches!r}")
        chosen = self._settings.of(settings, "cold", OF_COLD_STARTS)
        target = self._ready("cold", target, chosen)
        called = fullname(self._names.series(target, [COLD], name), COLD)
        request = Request(called, called, target, chosen)
        known = self._run.finished_cold(request, launches) is not None
        cold = PlannedLoad(called, target.full_name, 1.0, 0 if known else 1, launches=launches + 1)
        self._course = Course({called: cold})
        return self._whole(request, lambda asked, interrupts: self._run.cold(asked, launches, interrupts))

    def _ready(self, what: str, target: Target | str, settings: SweepSettings) -> Target:
        """Return the target, which can run here; check where results are to go."""
        self._refuse_closed(what)
        if isinstance(target, str):
            target = self.target(target)
        if not isinstance(target, Target):
            raise SettingError(f"Bench.{what}: expected a Target or the name of one, got {target!r}")
        missing = why_unavailable(target)
        if missing is not None:
            raise UnavailableError(target.full_name, missing.reason, missing.cure)
        self._check_places(what, settings)
        return target

    def _check_places(self, what: str, settings: SweepSettings) -> None:
        for option, directory in (("raw", settings.raw), ("output", settings.output)):
            if directory is not None:
                places.check_directory(directory, self._wording.setting(what, option))
        with in_own_words(self._wording):
            places.check_raw_format(settings.raw_format)

    def _planned(self, request: Request, step: Fraction) -> tuple[str, PlannedLoad]:
        """Return the load of a step, or the search, by its full name."""
        searches = request.fullname == fullname(request.series, KNEE)
        known = not searches and self._run.finished(request, step) is not None
        about = {"searches": searches, "is_known": known}
        settings, target = request.settings, request.target.full_name
        planned = planned_step(request.series, target, step, settings, **about)
        in_rounds = settings.order == "rounds" and not searches
        return request.fullname, planned._replace(turns=settings.trials if in_rounds else 1)

    def _step(self, step: Fraction, request: Request, interrupts: Interrupts) -> Measured:
        return self._run.step(request, step, interrupts)

    def _run_series(self, sweep: Sweep, asked: Mapping[Fraction, Request]) -> None:
        for step, request in asked.items():
            why = self._run.series(sweep.series).why_not(step)
            if why is not None:
                self._skipped(sweep, request, step, why)
            elif not sweep.interrupted:  # somebody's own handler of the signal did not raise anything
                self._measured(request, functools.partial(self._step, step), sweep)

    def _run_rounds(self, sweep: Sweep, asked: Mapping[Fraction, Request], rounds: int) -> None:
        """Run a trial of each step in each round; what was measured is kept if that ends early."""
        try:
            for number in range(rounds):
                for step, request in asked.items():
                    self._turn(sweep, request, step, is_last=number == rounds - 1)
        finally:
            for step, request in asked.items():
                if self._run.has_trials(request):
                    self._kept(request, self._run.cut_short(request, step), sweep)

    def _turn(self, sweep: Sweep, request: Request, step: Fraction, *, is_last: bool) -> None:
        """Run the next trial of a step, in the last round all that are left, unless a slower one ended it."""
        if sweep.interrupted or request.fullname in {load.fullname for load in sweep.loads}:
            return
        series = self._run.series(sweep.series)
        why, is_last = series.why_not(step), is_last or series.has_ended_before(step)
        if why is None:
            self._measured(request, functools.partial(self._trial, step, is_last), sweep)
        elif is_last and self._run.has_trials(request):
            self._kept(request, self._run.joined(request, step), sweep)
        elif is_last:
            self._skipped(sweep, request, step, why)

    def _trial(
        self, step: Fraction, is_last: bool, request: Request, interrupts: Interrupts
    ) -> Measured | None:
        return self._run.trial(request, step, interrupts, is_last=is_last)

    def _searched(self, sweep: Sweep, request: Request) -> None:
        from pytest_unikernel.run.bisection import why_no_knee  # noqa: PLC0415 - a search only
        from pytest_unikernel.run.knee_search import KneeSearch  # noqa: PLC0415 - a search only

        why = why_no_knee(request.settings.time_steps, self._run.series(sweep.series).results)
        if why is not None:
            self._skipped(sweep, request, Fraction(0), why)
            return
        self._measured(
            request, lambda asked, interrupts: KneeSearch(self._run, asked, interrupts).measured(), sweep
        )

    def _skipped(self, sweep: Sweep, request: Request, step: Fraction, why: WhySkipped) -> None:
        self._run.skipped(request.fullname, sweep.series, step, why)
        sweep.skipped.append(self._run.skips[-1])
        self._course.drop(request.fullname)

    def _measured(self, request: Request, load: Load, sweep: Sweep | None = None) -> BenchResult | None:
        """Run a load and keep its result, if it has one already; then heed a signal that came meanwhile."""
        self._run.place = self._course.begun(request.fullname)
        with alone(), in_own_words(self._wording):
            interrupts = Interrupts()
            with interrupts:
                measured = load(request, interrupts)
                result = None if measured is None else self._kept(request, measured, sweep)
        if measured is None:
            self._course.trial_ended(request.fullname)
        take_effect(interrupts.requested)
        return result

    def _whole(self, request: Request, load: Callable[[Request, Interrupts], Measured]) -> BenchResult:
        result = self._measured(request, load)
        assert result is not None  # noqa: S101 - it has all its trials
        return result

    def _kept(self, request: Request, measured: Measured, sweep: Sweep | None) -> BenchResult:
        result = BenchResult.of(measured, request.fullname)
        self._course.ended(request.fullname, result)
        self.results.append(result)
        if sweep is None:
            self.last = result
        else:
            self._enter(sweep, result)
        for problem in result.problems:
            self._warn(f"{result.fullname}: the load is on record, but {problem}")
        if self._json is not None:
            self._write(self._json)
        if self._on_load is not None:
            self._on_load(result)
        return result

    def _warn(self, text: str) -> None:
        warnings.warn(self._wording.without_pytest(text), stacklevel=6)

    def _enter(self, sweep: Sweep, result: BenchResult) -> None:
        if result.knee is None:
            sweep.add(result)
        else:
            sweep.search = result
        own = {load.fullname for load in sweep.loads}
        sweep.rows = [
            entry.row()
            for entry in self._run.entries
            if entry.fullname in own or (entry.searched and entry.series == sweep.series)
        ]

    # results ------------------------------------------------------------------------------------------

    def _rows(self) -> list[Row]:
        return [each.row() for each in self._run.entries]

    def __str__(self) -> str:
        """Return the tables that pytest shows at the end of a run."""
        from pytest_unikernel.text.run_summary import report  # noqa: PLC0415 - tables only

        lines = report(self._rows(), self._run.skips, cgroups.host_bytes(), verbose=True)
        return self._wording.without_pytest("\n".join(lines).rstrip())

    def _write(self, path: Path) -> None:
        from pytest_unikernel.bench.saving import save  # noqa: PLC0415 - saved runs only

        run = {each.fullname for each in self.results}
        left = {name: each for name, each in self._unreached.items() if name not in run}
        save(
            path,
            [*self.results, *(BenchResult.of(Measured(each.result()), name) for name, each in left.items())],
        )

    def save(self, path: PathLike) -> None:
        """Write all results into a file that ``compare``, ``report`` and ``--benchmark-compare`` read.

        Raises:
            OSError: it can't be written.
        """
        self._write(Path(path))

    def report(self, directory: PathLike) -> Path:
        """Write a report of all results, and return its page.

        Raises:
            ReportError: vl-convert is missing, or the directory can't take a report.
        """
        from pytest_unikernel.bench.saving import report  # noqa: PLC0415 - reports only

        return report(Path(directory), self.results)


def _is_same(one: PathLike | None, other: Path) -> bool:
    """Return whether two paths lead to one file that exists."""
    return one is not None and other.exists() and other.samefile(one)
