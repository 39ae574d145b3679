"""Instances as containers of an engine, each from its creation until it is removed."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Mapping
from typing import Any

from pytest_unikernel.clock import NS_PER_S, monotonic_ns, nanoseconds, unix_ns
from pytest_unikernel.errors import LoadError
from pytest_unikernel.launch.deadlines import DeadlineQueue
from pytest_unikernel.launch.docker_api import requests
from pytest_unikernel.launch.docker_api.deletions import Deletions
from pytest_unikernel.launch.docker_api.exchange import Exchange
from pytest_unikernel.launch.docker_api.launch import Launch
from pytest_unikernel.launch.docker_api.wire import Wire
from pytest_unikernel.launch.output import Wanted, Watch
from pytest_unikernel.launch.process.instances import bare_instance
from pytest_unikernel.launch.real_supervisor import RealSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance

# The loop looks at the schedule after so many events: each may take as long as parsing a reply does.
MAX_EVENTS = 16
LAST_WORDS_NS = NS_PER_S // 5
# Output from before an exit arrives within milliseconds of it.
LAST_OUTPUT_NS = NS_PER_S
# An instance that was to be ended is counted among the removals then; less than the generator's farewell.
ENDING_NS = 4 * NS_PER_S
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
Describe = Callable[[Instance], Mapping[str, Any]]


class ApiSupervisor(RealSupervisor[Launch, Exchange]):
    """Each instance is a container of an engine, which is asked over its unix socket.

    An instance is ended by removing its container by force; ``stop_signal`` is not sent.
    """

    def __init__(
        self, target: Target, runtime: Runtime, timeout_s: float, *, socket_path: str, describe: Describe
    ) -> None:
        """Make a supervisor; ``describe`` returns the body of the request that creates an instance."""
        super().__init__(target, runtime, MAX_EVENTS)
        self._describe = describe
        self._wanted = Wanted(target)
        self._wire = Wire(socket_path, self._loop)
        self._deletions = Deletions(self._wire)
        self._launches: dict[Launch, None] = {}  # as they were started
        self._being_deleted = 0  # of those in flight
        self._overdue: DeadlineQueue[Launch] = DeadlineQueue(nanoseconds(timeout_s))
        self._failing: DeadlineQueue[Launch] = DeadlineQueue(LAST_WORDS_NS)
        self._exited: DeadlineQueue[Launch] = DeadlineQueue(LAST_OUTPUT_NS)
        self._ending: DeadlineQueue[Launch] = DeadlineQueue(ENDING_NS)
        self._limits = (self._overdue, self._failing, self._exited, self._ending)
        self._all_limits = (*self._limits, self._wire.retries, self._deletions.overdue)

    @property
    def removing(self) -> int:
        """Containers that have exited and not been removed yet."""
        return self._deletions.pending - self._being_deleted

    # starting -------------------------------------------------------------------------------------

    def start(self, index: int) -> None:
        """Ask for the container of that row; ``spawn_ns`` is how long that kept the generator."""
        log = self.log
        log.usage_known = False  # it is no child of ours
        instance = bare_instance(self._runtime.token)
        launch = Launch(index, log, instance, self._wire, self)
        launch.sink = self._runtime.sink(instance.id)
        if self._wanted.anything:
            launch.watch = Watch(self._wanted)
        log.instance[index] = instance.number
        log.started_ns[index] = started_ns = monotonic_ns()
        try:
            launch.begin(requests.create(instance.id, self._describe(instance)), started_ns)
        except OSError as error:
            outcome, status, said = self._refusal(error)
            self._close_books(launch, outcome, status, said)
        else:
            self._launches[launch] = None
            self.in_flight += 1
            self._give_time(launch, self._overdue, started_ns)
        log.spawn_ns[index] = monotonic_ns() - started_ns

    def _refusal(self, error: OSError) -> tuple[Outcome, int, str]:
        said = f"can't connect to {self._wire.path}: {error.strerror or error}"
        if error.errno in EXHAUSTED:
            return Outcome.SPAWN_ERROR, error.errno or 0, said
        return Outcome.DAEMON_ERROR, requests.DAEMON, said

    # events --------------------------------------------------------------------------------------

    def _on_event(self, exchange: Exchange, descriptor: int, mask: int, now_ns: int) -> None:
        del descriptor, mask  # an exchange knows its own descriptor and events
        self._wire.proceed(exchange, now_ns)

    def _enforce_limits(self, now_ns: int) -> int:
        for launch in self._overdue.expired(now_ns):
            self._end(launch, Outcome.TIMEOUT, now_ns)
        for launch in self._failing.expired(now_ns):
            self._delete(launch, now_ns)
        for launch in self._exited.expired(now_ns):
            self._finish(launch, now_ns)
        for launch in self._ending.expired(now_ns):
            self._finish(launch, now_ns)
        for exchange in self._wire.retries.expired(now_ns):
            self._wire.retry(exchange, now_ns)
        for exchange in self._deletions.overdue.expired(now_ns):
            self._deletions.give_up(exchange, now_ns)
        return min([limit.next_ns() for limit in self._all_limits])

    def _give_time(self, launch: Launch, limit: DeadlineQueue[Launch], from_ns: int) -> None:
        self._loop.expect(limit.add(launch, from_ns))

    # reports of launches --------------------------------------------------------------------------

    def on_created(self, launch: Launch, now_ns: int) -> None:
        """Go on with a container, or remove it if it isn't wanted any more."""
        if launch.ended_as is None:
            launch.attach(now_ns)
        else:
            self._delete(launch, now_ns)

    def on_output(self, launch: Launch, data: bytes, now_ns: int) -> None:
        """Look at new output."""
        launch.take(data)
        if launch.watch is not None:
            self._look_at_output(launch, launch.watch, now_ns)

    def _on_failure(self, launch: Launch, now_ns: int) -> None:
        self._give_time(launch, self._failing, now_ns)

    def _stop(self, launch: Launch, now_ns: int) -> None:
        self._delete(launch, now_ns)

    def on_exit(self, launch: Launch, now_ns: int) -> None:
        """Note an exit; it is judged when the output is over, or can't be waited for any longer."""
        if launch.is_deletion_asked:  # it is over with the removal
            return
        if launch.has_output_ended:
            self._finish(launch, now_ns)
        else:
            self._overdue.discard(launch)
            self._give_time(launch, self._exited, now_ns)

    def on_not_started(self, launch: Launch, message: str, now_ns: int) -> None:
        """Judge a start that failed as the client does: a command that can't be run is the container's."""
        status = requests.status_of(message)
        if status == requests.DAEMON:
            self.on_problem(launch, message, now_ns)
            return
        launch.tail = message.encode()
        launch.is_started, launch.exit_status, launch.exited_ns = True, status, now_ns
        self._finish(launch, now_ns)

    def on_problem(self, launch: Launch, message: str, now_ns: int) -> None:
        """Give a launch up whose engine refuses something, or is gone."""
        self._give_up(launch, Outcome.DAEMON_ERROR, requests.DAEMON, message, now_ns)

    def on_no_connection(self, launch: Launch, error: OSError, now_ns: int) -> None:
        """Give a launch up that can't be asked for any further."""
        self._give_up(launch, *self._refusal(error), now_ns)

    def _give_up(self, launch: Launch, outcome: Outcome, status: int, said: str, now_ns: int) -> None:
        if launch.is_deletion_asked:  # whose answer, or the bound on it, ends the launch
            return
        if launch.ended_as is None:
            launch.ended_as, launch.exit_status = outcome, status
            launch.tail = said.encode()
        self._finish(launch, now_ns)

    # ending ---------------------------------------------------------------------------------------

    def end_all(self, outcome: Outcome) -> None:
        """Begin to end every instance in flight; those that have no outcome yet get this one."""
        now_ns = monotonic_ns()
        for launch in list(self._launches):
            self._end(launch, outcome, now_ns)

    def _end(self, launch: Launch, outcome: Outcome, now_ns: int) -> None:
        if launch.has_exited and not launch.is_deletion_asked:
            self._finish(launch, now_ns)
            return
        if launch.ended_as is None:
            launch.ended_as = outcome
        self._delete(launch, now_ns)

    def _delete(self, launch: Launch, now_ns: int) -> None:
        """Remove the container of a launch in flight, which ends it; if it is being created, afterwards."""
        if launch.is_deletion_asked:
            return
        self._overdue.discard(launch)
        self._failing.discard(launch)
        self._give_time(launch, self._ending, now_ns)
        if launch.container:
            launch.is_deletion_asked = True
            self._being_deleted += 1
            self._deletions.add(launch.container, lambda at_ns: self._finish(launch, at_ns), now_ns)

    def _finish(self, launch: Launch, now_ns: int) -> None:
        """Let go of a launch that is over, judge it, and have its container removed."""
        self._loop.is_any_gone = True
        if launch not in self._launches:  # it was over before its removal
            return
        del self._launches[launch]
        launch.close()
        if launch.watch is not None and launch.has_exited:
            launch.watch.end()
            self._look_at_output(launch, launch.watch, now_ns)
        for limit in self._limits:
            limit.discard(launch)
        self.in_flight -= 1
        self._being_deleted -= launch.is_deletion_asked
        if launch.log is self.log:
            exited_ns = launch.exited_ns if launch.exited_ns >= 0 else now_ns
            self._classify(launch, launch.exit_status or 0, exited_ns)
        self._clean_up(launch, _ending(launch))
        if launch.container and not launch.is_deletion_asked:
            launch.is_deletion_asked = True
            self._deletions.add(launch.container, self._on_removed, now_ns)

    def _on_removed(self, _now_ns: int) -> None:
        self._loop.is_any_gone = True

    def _close_books(self, launch: Launch, outcome: Outcome, status: int, said: str) -> None:
        """Write down a launch that was never in flight."""
        launch.log.status[launch.index] = status
        self._fail(launch.index, outcome, said)
        if launch.sink is not None:
            launch.sink.close(said, unix_ns())

    def close(self) -> None:
        """Release everything. Launches that can't be ended are abandoned, uncounted."""
        for launch in list(self._launches):
            launch.close()
            if launch.sink is not None:
                with contextlib.suppress(LoadError):  # everything else must be released as well
                    launch.sink.close("was abandoned", unix_ns())
        self._launches.clear()
        self._wire.close_all()
        self._loop.close()


def _ending(launch: Launch) -> str:
    if launch.exit_status is None:
        return "ended from outside"
    return f"exited with error code {launch.exit_status}" if launch.exit_status else "exited successfully"
