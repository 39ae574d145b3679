"""Shared bookkeeping of supervisors: the launch log, running counts, and how an exit is classified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from pytest_unikernel.clock import unix_ns
from pytest_unikernel.errors import LoadError
from pytest_unikernel.launch.in_flight import InFlight
from pytest_unikernel.launch.output import TAIL_BYTES, Watch
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.outcome import OUTCOME_OF_REASON, Outcome
from pytest_unikernel.plan.readiness import Exit
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog

MAX_TAILS = 20
COMPLETED, UNFINISHED = Outcome.COMPLETED, Outcome.UNFINISHED

L = TypeVar("L", bound=InFlight)


class Books(Generic[L]):
    """The log and the running counts of the protocol; a supervisor of real instances derives from it.

    A launch may outlive its trial, as a process does that hangs in the kernel. When it ends it is cleaned
    up, but nothing of it is written down or counted any more.
    """

    def __init__(self, target: Target, runtime: Runtime) -> None:
        self._target = target
        self._ready_at_exit = isinstance(target.ready, Exit)
        self._keep_output = runtime.conditions.keep_output
        # Most loads leave nothing to clean up, and their exits are spared the call.
        self._cleans_up = bool(runtime.conditions.output or self._keep_output or target.cleanup)
        self.in_flight = self.shortest_service_ns = 0
        self._exit_codes, self._exit_reasons = target.exit_codes, target.exit_reasons
        self.begin_trial()

    def begin_trial(self) -> None:
        """Begin with an empty log and no counts."""
        self.log = LaunchLog()
        self.completed = self.failed = self.dropped = self.longest_service_ns = 0

    def _classify(self, launch: L, status: int, exited_ns: int) -> None:
        """Write down an exit, and how the launch has ended."""
        log, index = self.log, launch.index
        log.exited_ns[index] = exited_ns
        log.status[index] = status
        outcome = launch.ended_as
        if outcome is None:
            if self._ready_at_exit:
                log.ready_ns[index] = exited_ns
                launch.is_ready = True
            outcome = self._outcome(status, launch.is_ready, launch.watch)
            if outcome is COMPLETED:
                self._complete(index)
                return
        if outcome is not COMPLETED:
            self._fail(index, outcome, launch.tail[-TAIL_BYTES:].decode(errors="replace"))

    def _outcome(self, status: int, ready: bool, watch: Watch | None) -> Outcome:
        """Return the outcome of an instance that ended by itself; a negative status is a signal."""
        if self._exit_reasons and status in self._exit_reasons:
            return OUTCOME_OF_REASON[self._exit_reasons[status]]
        if status not in self._exit_codes:
            return Outcome.SIGNAL if status < 0 else Outcome.EXIT_CODE
        if not ready or (watch is not None and not watch.required):
            return Outcome.NOT_READY
        return COMPLETED

    def _complete(self, index: int) -> None:
        log = self.log
        log.outcome[index] = COMPLETED
        self.completed += 1
        service_ns = log.ready_ns[index] - log.started_ns[index]
        if service_ns > self.longest_service_ns:
            self.longest_service_ns = service_ns
        if service_ns < self.shortest_service_ns or not self.shortest_service_ns:
            self.shortest_service_ns = service_ns
            self._on_shorter_service(service_ns)

    def _on_shorter_service(self, service_ns: int) -> None:
        """Take note of the shortest service time so far."""

    def _fail(self, index: int, outcome: Outcome, tail: str) -> None:
        self.log.outcome[index] = outcome
        self.failed += outcome is not UNFINISHED
        if index >= self.log.tails_from and len(self.log.tails) < MAX_TAILS:
            self.log.tails[index] = tail

    def _look_at_output(self, launch: L, watch: Watch, now_ns: int) -> None:
        """Act on matches in an instance's output since the last look."""
        if watch.marked:
            self._take_marks(launch, watch, now_ns)
        if watch.ready and not launch.is_ready:
            self._on_ready(launch, now_ns)
        if watch.failure is not None and launch.ended_as is None:
            launch.ended_as = watch.failure
            self._on_failure(launch, now_ns)

    def _on_ready(self, launch: L, now_ns: int) -> None:
        """Note that an instance is ready; a long-lived one is complete with that, and is stopped."""
        if launch.is_ready or launch.ended_as is not None:
            return
        launch.is_ready = True
        is_counted = launch.log is self.log
        if is_counted:
            self.log.ready_ns[launch.index] = now_ns
        if self._target.long_lived:
            launch.ended_as = COMPLETED
            if is_counted:
                self._complete(launch.index)
            self._stop(launch, now_ns)

    def _stop(self, launch: L, now_ns: int) -> None:
        """Have an instance end that is complete."""
        raise NotImplementedError

    def _on_failure(self, launch: L, now_ns: int) -> None:
        """Go on with an instance whose output shows a failure, which is its outcome now."""
        raise NotImplementedError

    def _take_marks(self, launch: L, watch: Watch, now_ns: int) -> None:
        """Write down the marks that were found."""
        if launch.log is self.log:
            events = self.log.events.setdefault(launch.index, {})
            for name, match in watch.marked:
                events[name] = now_ns
                if match.groupdict().get("ns"):
                    events[f"guest:{name}"] = int(match["ns"])
        watch.marked.clear()

    def _clean_up(self, launch: L, how: str) -> None:
        """Close the output's file, keep the output, call the target's cleanup: whatever of it is wanted."""
        if launch.sink is not None:
            launch.sink.close(how, unix_ns())
        if self._keep_output and launch.log is self.log:
            self.log.outputs[launch.index] = launch.tail.decode(errors="replace")
        if self._target.cleanup is not None:
            self._call_cleanup(self._target.cleanup, launch.instance)

    def _call_cleanup(self, cleanup: Callable[[Instance], None], instance: Instance) -> None:
        """Call the target's own function.

        Raises:
            LoadError: it raised something.
        """
        try:
            cleanup(instance)
        except Exception as error:
            raise LoadError(
                f"{self._target.full_name}: cleanup({instance.id}) raised {error!r}; "
                "what that instance left behind may still be there"
            ) from error
