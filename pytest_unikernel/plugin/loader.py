"""Runs the one load of a test and hands the result to pytest-benchmark."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_unikernel.errors import BuildError, MissingThereError, UnikernelError
from pytest_unikernel.plan.numeric import is_whole
from pytest_unikernel.plan.settings import SweepSettings
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.plugin import benchmark as bridge
from pytest_unikernel.plugin import current_run, marker, options, probing, progress, rounds, survey

if TYPE_CHECKING:  # a load's modules are imported only when a load runs
    from pytest_unikernel.results.result import LoadResult
    from pytest_unikernel.results.skips import WhySkipped
    from pytest_unikernel.run.interrupts import Interrupts
    from pytest_unikernel.run.joining import Measured
    from pytest_unikernel.run.request import Request


FAILED = pytest.StashKey[bool]()


@dataclass
class OneLoad:
    """The one load of one run of a test. It is made with the run's fixtures: a test may be run again.

    Attributes:
        begun: it was asked for.
        benchmarked: pytest-benchmark has got a result, or was passed by.
    """

    begun: bool = False
    benchmarked: bool = False


class Loader:
    """Runs the one load of a test and hands it to pytest-benchmark."""

    def __init__(self, item: pytest.Item, benchmark: Any, load: OneLoad, name: str) -> None:
        self._item = item
        self._benchmark = benchmark
        self._one = load
        self._name = name
        self._run = current_run.run_of(item.config)

    def step(self, target: Target) -> LoadResult:
        """Run the load of the test's time step, or the search for the knee of its series."""
        __tracebackhide__ = True
        self._begin(target)
        sweep = marker.sweep_of(self._item)
        if sweep is None:
            self._refuse(
                "expected a test with the marker load_sweep, got none", "add @pytest.mark.load_sweep"
            )
        if sweep.searches:
            return self._search(target, sweep)
        request, turn = self._request(target, sweep.settings, sweep.series), rounds.turn_of(self._item)
        load = self._all_trials if turn is None else self._one_trial
        series = self._run.series(sweep.series)
        why = series.why_not(sweep.step)
        if why is not None:
            if turn is not None and not turn.is_last and not series.has_ended_before(sweep.step):
                rounds.suspend(self._item)
            if not self._run.has_trials(request):
                self._skip(sweep, sweep.step, why)
            load = self._as_it_is
        return self._load(request, partial(load, sweep.step))

    def _all_trials(self, step: Fraction, request: Request, interrupts: Interrupts) -> Measured:
        return self._run.step(request, step, interrupts)

    def _one_trial(self, step: Fraction, request: Request, interrupts: Interrupts) -> Measured | None:
        """Run the next trial, in the last turn all that are left; return None while there are others."""
        turn = rounds.turn_of(self._item)
        measured = self._run.trial(request, step, interrupts, is_last=turn is None or turn.is_last)
        self._run.kept.pop(request.fullname, None)
        if measured is None:
            self._run.kept[request.fullname] = partial(self._deliver_cut_short, request, step)
        return measured

    def _as_it_is(self, step: Fraction, request: Request, interrupts: Interrupts) -> Measured:
        """Join the trials that were run before a slower step was found to end the series."""
        del interrupts
        self._run.kept.pop(request.fullname, None)
        return self._run.joined(request, step)

    def _search(self, target: Target, sweep: marker.ItemSweep) -> LoadResult:
        """Search for the knee of the series after its steps."""
        __tracebackhide__ = True
        from pytest_unikernel.run.bisection import why_no_knee  # noqa: PLC0415 - imported only when needed
        from pytest_unikernel.run.knee_search import KneeSearch  # noqa: PLC0415 - imported only when needed

        self._require(target, sweep.settings)  # if the target can't run here, that is the better reason
        why = why_no_knee(sweep.settings.time_steps, self._run.series(sweep.series).results)
        if why is not None and not bridge.is_disabled(self._benchmark):
            self._skip(sweep, Fraction(0), why)
        return self._load(
            self._request(target, sweep.settings, sweep.series),
            lambda request, interrupts: KneeSearch(self._run, request, interrupts).measured(),
        )

    def _skip(self, sweep: marker.ItemSweep, step: Fraction, why: WhySkipped) -> NoReturn:
        __tracebackhide__ = True
        from pytest_unikernel.text.skips import skip_text  # noqa: PLC0415 - imported only when needed

        self._run.skipped(self._item.nodeid, sweep.series, step, why)
        pytest.skip(skip_text(why))

    def cold(self, target: Target, launches: int) -> LoadResult:
        """Run cold starts, one after the other."""
        __tracebackhide__ = True
        self._begin(target, launches)
        if not is_whole(launches) or launches < 1:
            self._refuse(f"launches must be a whole number >= 1, got {launches!r}")
        return self._load(
            self._request(target, options.settings(self._item.config), self._item.nodeid),
            lambda request, interrupts: self._run.cold(request, launches, interrupts),
        )

    def end(self) -> None:
        """Spare a test that failed before its load pytest-benchmark's warning that it measured nothing."""
        if self._item.stash.get(FAILED, False):
            self._pass_by()

    def _request(self, target: Target, settings: SweepSettings, series: str) -> Request:
        from pytest_unikernel.run.request import Request  # noqa: PLC0415 - the run has been made by now

        return Request(self._item.nodeid, series, target, settings)

    def _begin(self, target: Target, launches: int = 0) -> None:
        __tracebackhide__ = True
        if not isinstance(target, Target):
            self._refuse(f"expected a Target, got {target!r}")
        if self._one.begun:
            self._refuse("expected one load per test, got a second", "parametrize the test over targets")
        self._one.begun = True
        if survey.is_looking(self._item):
            self._pass_by()
            survey.note(self._item, target, self._why_not(target), launches)

    def _refuse(self, cause: str, cure: str = "") -> NoReturn:
        self._fail(f"{self._name}: {cause} ({self._item.nodeid})" + (f"; {cure}" if cure else ""))

    def _require(self, target: Target, settings: SweepSettings) -> None:
        """Skip a target that cannot run here; fail if exactly this variant is required."""
        __tracebackhide__ = True
        self._run.seen.add(target.full_name)
        missing = None if self._is_elsewhere() else self._probe(target)
        if missing is not None:
            self._skip_missing(target, settings, missing)

    def _skip_missing(self, target: Target, settings: SweepSettings, missing: Unavailable) -> NoReturn:
        __tracebackhide__ = True
        text = _missing_text(target, missing)
        if settings.require & {"all", target.full_name}:
            self._fail(f"{text} (required by --sweep-require)")
        self._run.missing.append((target.full_name, missing))
        pytest.skip(text)

    def _is_elsewhere(self) -> bool:
        """Return whether other machines run the load: they are asked when it is set up there."""
        sweep = marker.sweep_of(self._item)
        hosts = "" if sweep is None else sweep.settings.hosts
        return bool(hosts) and not hosts.startswith("local:") and not bridge.is_disabled(self._benchmark)

    def _why_not(self, target: Target) -> str:
        """Return the reason of a target's skip; empty if it can run here."""
        missing = None if self._is_elsewhere() else self._probe(target)
        return "" if missing is None else _missing_text(target, missing)

    def _probe(self, target: Target) -> Unavailable | None:
        try:
            return probing.probed(self._item.config, target)
        except UnikernelError as error:
            self._fail_by(error)

    def _load(self, request: Request, load: Callable[[Request, Interrupts], Measured | None]) -> LoadResult:
        """Run a load and hand it to pytest-benchmark; raise a signal received meanwhile only after that."""
        __tracebackhide__ = True
        from pytest_unikernel.run.interrupts import Interrupts  # noqa: PLC0415 - imported only when needed

        self._require(request.target, request.settings)
        self._run.place = progress.place_of(self._item)
        interrupts = Interrupts()
        try:
            with interrupts:
                result = self._measured(request, load, interrupts)
        except MissingThereError as error:
            self._skip_missing(request.target, request.settings, Unavailable(error.reason, error.cure))
        except UnikernelError as error:
            self._fail_by(error)
        finally:
            if self._run.why_stop:
                self._item.session.shouldstop = self._run.why_stop
            _end_if_asked(interrupts.requested)
        self._fail_if_nothing_completed(request.target, result)
        return result

    def _measured(
        self, request: Request, load: Callable[[Request, Interrupts], Measured | None], interrupts: Interrupts
    ) -> LoadResult:
        if bridge.is_disabled(self._benchmark):
            return self._once(request, interrupts)
        with self._console(request.target):
            measured = load(request, interrupts)
        if measured is None:
            self._suspend()
        self._deliver(measured.result)
        if measured.problems:
            self._fail(f"{self._name}: the load is on record, but {'; '.join(measured.problems)}")
        return measured.result

    def _suspend(self) -> NoReturn:
        run = progress.of(self._item.config)
        if run is not None:
            run.agenda.trial_ended(self._item.nodeid)
        rounds.suspend(self._item)

    def _deliver(self, result: LoadResult) -> None:
        self._one.benchmarked = True
        bridge.deliver(self._item, self._benchmark, result)
        self._item.config.hook.pytest_unikernel_load_ended(item=self._item, result=result)

    def _deliver_cut_short(self, request: Request, step: Fraction) -> None:
        """Deliver a load that the end of the run cut short before its last trial."""
        self._deliver(self._run.cut_short(request, step).result)

    def _once(self, request: Request, interrupts: Interrupts) -> LoadResult:
        """Run one launch in place of a load; its output is shown by -s or when the test fails."""
        with self._console(request.target):
            measured = self._run.once(request, interrupts)
        for text in measured.outputs:
            print(text, end="" if text.endswith("\n") else "\n")  # noqa: T201 - pytest captures it
        self._pass_by()
        return measured.result

    def _console(self, target: Target) -> AbstractContextManager[None]:
        """Return a context that gives the terminal to a target with ``console``."""
        capture = self._item.config.pluginmanager.getplugin("capturemanager")
        shown: AbstractContextManager[None] = nullcontext()
        if target.console and capture is not None:
            shown = capture.global_and_fixture_disabled()
        return shown

    def _fail_by(self, error: UnikernelError) -> NoReturn:
        """Fail by an error; one of many lines that an earlier test has shown is named only."""
        __tracebackhide__ = True
        text, own = str(error), self._item.nodeid
        first = self._run.shown.setdefault(text, own)
        if first != own and "\n" in text:
            cause = error.cause if isinstance(error, BuildError) else text.partition("\n")[0]
            text = f"{cause}; its output is shown for {first}"
        self._fail(f"{self._name}: {text}")

    def _fail(self, text: str) -> NoReturn:
        """Fail with a text alone: the error that it comes from would be printed above it once more."""
        from pytest_unikernel.text.grid import printable  # noqa: PLC0415 - loads only, not collection

        self._pass_by()
        shown = "\n".join(map(printable, text.splitlines()))  # errors quote programs
        raise pytest.fail.Exception(shown, pytrace=False) from None

    def _pass_by(self) -> None:
        if not self._one.benchmarked:
            self._one.benchmarked = True
            bridge.pass_by(self._benchmark)

    def _fail_if_nothing_completed(self, target: Target, result: LoadResult) -> None:
        if result.completed or result.interrupted:
            return
        from pytest_unikernel.text import none_completed  # noqa: PLC0415 - loads only, not collection
        from pytest_unikernel.text.ready_hint import hint_line  # noqa: PLC0415 - loads only, not collection

        record = result.as_json()
        texts = (none_completed.none_completed_text(record), none_completed.last_words(record))
        self._fail("\n".join(filter(None, (*texts, hint_line(target, record)))))


def note_outcome(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Take note whether a run of a test has failed so far."""
    before = call.when != "setup" and item.stash.get(FAILED, False)
    now = call.excinfo is not None and not isinstance(call.excinfo.value, pytest.skip.Exception)
    item.stash[FAILED] = before or now


def _missing_text(target: Target, missing: Unavailable) -> str:
    from pytest_unikernel.text.grid import printable  # noqa: PLC0415 - loads only, not collection

    return printable(f"{target.full_name}: {missing}")


def _end_if_asked(number: int) -> None:
    """Raise the exception of a signal that arrived during the load, now that the load is recorded."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if number:
        pytest.exit(f"ended by {signal.Signals(number).name}", returncode=128 + number)
