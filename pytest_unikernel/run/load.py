"""One load: its parts while instances can be started, and what was measured."""

from __future__ import annotations

import dataclasses
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.errors import LoadError, UnikernelError
from pytest_unikernel.host import cgroups, facts
from pytest_unikernel.host.quiet import Quiet, quiescence_json
from pytest_unikernel.host.tuning import Tuned
from pytest_unikernel.launch.cleanup import leftover_command
from pytest_unikernel.launch.guards import (
    DESCRIPTORS_RESERVED,
    UNLIMITED,
    Guard,
    descriptors_per_launch,
    find_cap,
    open_guard,
)
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.progress import Progress
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.launch.stamps import from_program
from pytest_unikernel.launch.stamps.from_log import StampLogReader
from pytest_unikernel.launch.stamps.from_program import StampReader
from pytest_unikernel.launch.supervisor import Supervisor
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.stamps import StampLog, Stamps
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.result import LoadResult, Surroundings
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.load_options import LoadOptions
from pytest_unikernel.run.meter import Meter
from pytest_unikernel.run.raw import write_raw
from pytest_unikernel.run.session import Session


@dataclass(frozen=True)
class Measured:
    """A load's result; what its instances printed, where that was asked for; what went wrong beside it.

    ``unfinished`` is the load where trials are still to be run.
    """

    result: LoadResult
    outputs: Sequence[str] = ()
    problems: Sequence[str] = ()
    unfinished: Load | None = None


class Load:
    """The parts of one load; while it is opened, instances can be started.

    Where other loads come between its trials, each has one of these, which takes over what the earlier one
    has measured.
    """

    supervisor: Supervisor
    meter: Meter
    _granted: Tuned

    def __init__(
        self,
        target: Target,
        session: Session,
        options: LoadOptions,
        interrupts: Interrupts,
        earlier: Load | None = None,
    ) -> None:
        self.guard = _guard(target, options, session)
        self.cut_short = False
        self._target, self._session, self._options = target, session, options
        self._versions = _versions(target)
        self._interrupts = interrupts
        self.quiets: list[Quiet | None] = []
        self._trials: list[Trial] = []
        self._problems: list[str] = []
        self._stamps: StampReader | StampLogReader | None = None
        self.seeds: list[int | None] = []
        self.warmup_ns = 0
        self._turns_ns = array("Q")
        self._dropped: Counter[str] = Counter()
        self._earlier = earlier
        if earlier is not None:
            self._take_over(earlier)

    def _take_over(self, earlier: Load) -> None:
        self._trials += earlier._trials
        self.quiets += earlier.quiets
        self._problems += earlier._problems
        self.seeds += earlier.seeds
        self.warmup_ns = earlier.warmup_ns
        self._turns_ns = earlier.turns_ns
        self._dropped = earlier.dropped

    @property
    def helpers(self) -> list[int]:
        """Processes of ours that live as long as the load."""
        return [self._stamps.pid] if isinstance(self._stamps, StampReader) else []

    @property
    def turns_ns(self) -> array[int]:
        """How long the loop's turns took, in all trials."""
        turns_ns = array("Q", self._turns_ns)
        turns_ns.extend(iter(self.supervisor.turns_ns))  # whatever their width
        return turns_ns

    @property
    def dropped(self) -> Counter[str]:
        """What guards refused, in all trials."""
        return self._dropped + Counter(self.guard.dropped)

    @property
    def descriptors(self) -> int:
        """How many files may be open at once during the load."""
        return DESCRIPTORS_RESERVED + descriptors_per_launch(self._target) * min(
            self.guard.cap.instances, 1 << 16
        )

    @property
    def hopeless(self) -> bool:
        """Whether nothing has completed in earlier trials: another need not wait for the first that does."""
        return bool(self._trials) and not any(
            Outcome.COMPLETED in trial.log.outcome for trial in self._trials
        )

    @contextmanager
    def opened(self, granted: Tuned, ahead_ns: int) -> Iterator[None]:
        """Make the supervisor; take everything down afterwards: nothing of the load may be left."""
        self._granted = granted
        runtime = _runtime(self._target, self._session, self._options, granted)
        runtime.ahead_ns = ahead_ns
        target = self._target = _prepared(self._target, runtime)
        with ExitStack() as undo:
            undo.enter_context(self._leaving_nothing(target))
            make = target.supervisor or ProcessSupervisor
            self.supervisor = make(target, runtime, self._options.time_limit_s(target))
            undo.callback(self.supervisor.close)
            self.supervisor.watch(self._interrupts.descriptor, self._interrupts.drain)
            if target.stamps is not None:
                self._stamps = self._stamp_reader(target.stamps, runtime)
                undo.callback(self._stamps.close)
            self.meter = Meter(self._session.sample, self._earlier.meter if self._earlier else None)
            self._earlier = None  # it has served its purpose
            undo.callback(self.meter.stop)
            yield

    @contextmanager
    def _leaving_nothing(self, target: Target) -> Iterator[None]:
        """Remove what instances left with a daemon; should pytest be killed, the reaper does it."""
        if not target.leftovers:
            yield
            return
        token = self._session.token
        owed = self._session.owe(leftover_command.command(target, token))
        with leftover_command.removed_afterwards(target, token, owed.unlink) as problems:
            problems.extend(self._problems)
            self._problems = problems
            yield

    def _stamp_reader(self, stamps: Stamps | StampLog, runtime: Runtime) -> StampReader | StampLogReader:
        """Begin to follow a log, or start the program that tells of an engine's own events."""
        if isinstance(stamps, StampLog):
            return StampLogReader(stamps, runtime.token)
        argv = from_program.command_line(stamps, runtime.token)
        try:
            return StampReader(stamps, argv, runtime)
        except OSError as error:
            raise LoadError(f"{self._target.full_name}: can't start {argv[0]!r}: {error.strerror}") from error

    def show(self, progress: Progress) -> None:
        """Show how far the load has come."""
        self._session.progress(progress)
        if self._stamps is not None:
            self._stamps.look()

    def run(self, trial: Any) -> None:
        """Run one trial on a log of its own."""
        self.supervisor.begin_trial()
        ran: Trial = dataclasses.replace(trial(), completes_when_ready=self._target.long_lived)
        if self._stamps is not None:
            self._stamps.settle(ran.log)
        self.cut_short = self._interrupts.asked()
        self._trials.append(ran)

    def write_raw(self) -> None:
        """Write the raw data where they are wanted, when the load is over and nothing is measured."""
        directory = self._options.raw
        try:
            if directory is not None:
                write_raw(directory, self._target, self._trials, self._session.token)
        except OSError as error:  # the load itself is measured: it must not be lost
            self._problems.append(f"--sweep-raw: can't write into {str(directory)!r}: {error.strerror}")

    def measured(self, settings: Mapping[str, Any], **about: Any) -> Measured:
        """Return what was measured."""
        logs = [trial.log for trial in self._trials]
        around = Surroundings(
            **about,
            cores=facts.usable_cores(self._options.cpus),
            timeout_s=self._options.time_limit_s(self._target),
            versions=self._versions,
            generator={
                **self.meter.generator(logs, self.turns_ns),
                "realtime": self._granted.realtime,
                "realtime_refused": self._granted.realtime_refused,
            },
            host={
                **self.meter.host(),
                "busy_before_percent": _busy_percent(self.quiets),
                "container_daemons_needed": sorted(self._target.daemons),
            },
            guards=_guards(self.guard, self.dropped),
            settings=settings,
            interrupted=self.cut_short,
            own_rss_kib=self.meter.own_rss_kib,
            quiescence=quiescence_json(self.quiets),
        )
        outputs = [text for log in logs for text in log.outputs.values()]
        return Measured(make_result(self._target, self._trials, around), outputs, self._problems)


def _busy_percent(quiets: Sequence[Quiet | None]) -> float | None:
    """Return how busy the host was before a load; None if nobody looked."""
    return quiets[0].busy_percent if quiets and quiets[0] is not None else None


def _prepared(target: Target, runtime: Runtime) -> Target:
    """Return the copy of the target that is launched.

    Raises:
        LoadError: the target's function raised something.
    """
    if target.prepare is None:
        return target
    place = Place(runtime.token, str(runtime.directory), runtime.cpus)
    try:
        prepared: Target = target.prepare(target, place)
    except UnikernelError:
        raise
    except Exception as error:
        raise LoadError(f"{target.full_name}: prepare() raised {error!r}") from error
    return prepared


def _versions(target: Target) -> dict[str, str]:
    """Return what is really used, by the target's own word.

    Raises:
        LoadError: the target's function raised something.
    """
    if target.versions is None:
        return {}
    try:
        return dict(target.versions())
    except Exception as error:
        raise LoadError(f"{target.full_name}: versions() raised {error!r}") from error


def _runtime(target: Target, session: Session, options: LoadOptions, granted: Tuned) -> Runtime:
    return Runtime(
        token=session.token,
        directory=session.load_directory(),
        table=session.table,
        realtime=granted.realtime,
        child_nofile=granted.child_nofile,
        cpus=options.cpus,
        output_directory=options.output,
        label=_file_name(target.full_name),
        keep_output=options.keep_output,
    )


def _guard(target: Target, options: LoadOptions, session: Session) -> Guard:
    asked = options.max_in_flight
    if target.simulated and asked is None:
        return open_guard()
    if target.console and asked is None:
        asked = 1
    return Guard(find_cap(target, asked), int(cgroups.total_bytes()), session.sample)


def _guards(guard: Guard, dropped: Mapping[str, int]) -> dict[str, Any]:
    most = guard.cap.instances if guard.cap.instances < UNLIMITED else None
    return {"max_in_flight": most, "max_in_flight_from": guard.cap.source, "dropped": dict(dropped)}


def _file_name(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-_.[]" else "_" for each in name)
