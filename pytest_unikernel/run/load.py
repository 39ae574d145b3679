"""The life of a load: set-up, trials, take-down."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from pytest_unikernel.errors import LoadError, UnikernelError
from pytest_unikernel.host import cgroups
from pytest_unikernel.host.quiet import Quiet
from pytest_unikernel.host.tuning import Tuned
from pytest_unikernel.launch.cleanup import leftover_command
from pytest_unikernel.launch.guards import (
    DESCRIPTORS_RESERVED,
    Guard,
    descriptors_per_launch,
    find_cap,
    open_guard,
)
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.program_versions import versions_of
from pytest_unikernel.launch.progress import Progress
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.launch.stamps import from_program
from pytest_unikernel.launch.stamps.from_log import StampLogReader
from pytest_unikernel.launch.stamps.from_program import ProgramStampReader
from pytest_unikernel.launch.supervisor import Supervisor
from pytest_unikernel.plan.load_plan import LaunchConditions
from pytest_unikernel.plan.stamps import StampLog, Stamps
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run import meter
from pytest_unikernel.run.interrupts import Interrupts
from pytest_unikernel.run.part import Part
from pytest_unikernel.run.session import Session


class Load:
    """The supervisor, guard and readers of one load; while it is opened, instances can be started.

    Attributes:
        trials: the trials that have run.
        seeds: the seed of each trial.
        quiets: the wait for a quiet host before each trial.
        warmup_ns: the longest warm-up so far.
    """

    supervisor: Supervisor
    _granted: Tuned
    _span: meter.Span

    def __init__(
        self, target: Target, conditions: LaunchConditions, session: Session, interrupts: Interrupts
    ) -> None:
        self.guard = _guard(target, conditions, session)
        self.cut_short = False
        self._target, self._session, self._conditions = target, session, conditions
        self._versions = _versions(target)
        self._interrupts = interrupts
        self.quiets: list[Quiet | None] = []
        self.trials: list[Trial] = []
        self.seeds: list[int | None] = []
        self.warmup_ns = 0
        self._problems: list[str] = []
        self._stamps: ProgramStampReader | StampLogReader | None = None

    @property
    def helpers(self) -> list[int]:
        """Processes of ours that live as long as the load."""
        return [self._stamps.pid] if isinstance(self._stamps, ProgramStampReader) else []

    @property
    def descriptors(self) -> int:
        """The largest number of files open at once during the load."""
        return DESCRIPTORS_RESERVED + descriptors_per_launch(self._target) * min(
            self.guard.cap.instances, 1 << 16
        )

    @contextmanager
    def opened(self, granted: Tuned, ahead_ns: int) -> Iterator[None]:
        """Make the supervisor; take everything down afterwards: nothing of the load may be left."""
        self._granted = granted
        runtime = _runtime(self._target, self._session, self._conditions, granted)
        runtime.ahead_ns = ahead_ns
        target = self._target = _prepared(self._target, runtime)
        with ExitStack() as undo:
            undo.enter_context(self._leaving_nothing(target))
            make = target.supervisor or ProcessSupervisor
            self.supervisor = make(target, runtime, self._conditions.time_limit_s(target))
            undo.callback(self.supervisor.close)
            self.supervisor.watch(self._interrupts.descriptor, self._interrupts.drain)
            if target.stamps is not None:
                self._stamps = self._stamp_reader(target.stamps, runtime)
                undo.callback(self._stamps.close)
            undo.enter_context(self._metered())
            yield

    @contextmanager
    def _metered(self) -> Iterator[None]:
        begin = meter.snapshot(self._session.sample)
        try:
            yield
        finally:
            self._span = meter.Span(begin, meter.snapshot(self._session.sample))

    @contextmanager
    def _leaving_nothing(self, target: Target) -> Iterator[None]:
        """Remove leftovers of instances with a daemon; if pytest is killed, the reaper does it."""
        if not target.leftovers:
            yield
            return
        token = self._session.token
        owed = self._session.owe(leftover_command.command(target, token))
        with leftover_command.removed_afterwards(target, token, owed.unlink) as problems:
            problems.extend(self._problems)
            self._problems = problems
            yield

    def _stamp_reader(
        self, stamps: Stamps | StampLog, runtime: Runtime
    ) -> ProgramStampReader | StampLogReader:
        """Begin to follow a log, or start the program that reports an engine's events."""
        if isinstance(stamps, StampLog):
            return StampLogReader(stamps, runtime.token)
        argv = from_program.command_line(stamps, runtime.token)
        try:
            return ProgramStampReader(stamps, argv, runtime)
        except OSError as error:
            raise LoadError(f"{self._target.full_name}: can't start {argv[0]!r}: {error.strerror}") from error

    def show(self, progress: Progress) -> None:
        """Show how far the load has come."""
        self._session.progress(progress)
        if self._stamps is not None:
            self._stamps.look()

    def run(self, run_trial: Callable[[], Trial]) -> None:
        """Run one trial on a log of its own."""
        self.supervisor.begin_trial()
        ran = dataclasses.replace(run_trial(), completes_when_ready=self._target.long_lived)
        if self._stamps is not None:
            self._stamps.settle(ran.log)
        self.cut_short = self._interrupts.asked()
        self.trials.append(ran)

    def part(self) -> Part:
        """Return the measured trials; the load has been opened and is closed again."""
        return Part(
            target=self._target,
            trials=tuple(self.trials),
            seeds=tuple(self.seeds),
            warmup_ns=self.warmup_ns,
            quiets=tuple(self.quiets),
            turns_ns=self.supervisor.turns_ns,
            cap=self.guard.cap,
            dropped=Counter(self.guard.dropped),
            span=self._span,
            granted=self._granted,
            versions=self._versions,
            problems=tuple(self._problems),
            cut_short=self.cut_short,
        )


def _prepared(target: Target, runtime: Runtime) -> Target:
    """Return the copy of the target that is launched.

    Raises:
        LoadError: the target's function raised something.
    """
    if target.prepare is None:
        return target
    place = Place(runtime.token, str(runtime.directory), runtime.conditions.cpus)
    try:
        prepared: Target = target.prepare(target, place)
    except UnikernelError:
        raise
    except Exception as error:
        raise LoadError(f"{target.full_name}: prepare() raised {error!r}") from error
    return prepared


def _versions(target: Target) -> dict[str, str]:
    """Return the versions in use, as the target reports them, or its programs do.

    Raises:
        LoadError: the target's function raised something.
    """
    if target.versions is None:
        return versions_of(target)
    if not callable(target.versions):
        return dict(target.versions)
    try:
        return dict(target.versions())
    except Exception as error:
        raise LoadError(f"{target.full_name}: versions() raised {error!r}") from error


def _runtime(target: Target, session: Session, conditions: LaunchConditions, granted: Tuned) -> Runtime:
    return Runtime(
        token=session.token,
        directory=session.load_directory(),
        table=session.table,
        realtime=granted.realtime,
        child_nofile=granted.child_nofile,
        conditions=conditions,
        label=_file_name(target.full_name),
    )


def _guard(target: Target, conditions: LaunchConditions, session: Session) -> Guard:
    asked = conditions.max_in_flight
    if target.simulated and asked is None:
        return open_guard()
    if target.console and asked is None:
        asked = 1
    return Guard(find_cap(target, asked), int(cgroups.total_bytes()), session.sample)


def _file_name(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-_.[]" else "_" for each in name)
