"""What every supervisor of real instances writes down of a launch, and how it judges one that has exited."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from pytest_unikernel.errors import LoadError
from pytest_unikernel.launch.output import Watch
from pytest_unikernel.plan.outcome import OUTCOME_OF_REASON, Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog

MAX_TAILS = 20
# One that takes this long does not show half a millisecond: no deadline is looked for ahead of its time then.
SLOW_NS = 50_000_000
COMPLETED, UNFINISHED = Outcome.COMPLETED, Outcome.UNFINISHED


class Launched(Protocol):
    """What the books must know of an instance in flight.

    Attributes:
        index: its row in the log.
        ended_as: its outcome, where that is known before the exit.
    """

    index: int
    instance: Instance
    is_ready: bool
    ended_as: Outcome | None


L = TypeVar("L", bound=Launched)


class Books(Generic[L]):
    """The log and the running counts of the protocol; a supervisor of real instances derives from it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.in_flight = self.shortest_service_ns = 0
        self.turns_ns = array("Q")
        self._exit_codes, self._exit_reasons = target.exit_codes, target.exit_reasons
        self.begin_trial()

    def begin_trial(self) -> None:
        """Begin with an empty log and no counts."""
        self.log = LaunchLog()
        self.completed = self.failed = self.dropped = self.longest_service_ns = 0

    def _outcome(self, status: int, ready: bool, watch: Watch | None) -> Outcome:
        """Return how an instance that nobody ended has ended; a negative status is a signal."""
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

    def _fail(self, index: int, outcome: Outcome, tail: str) -> None:
        self.log.outcome[index] = outcome
        self.failed += outcome is not UNFINISHED
        if index >= self.log.tails_from and len(self.log.tails) < MAX_TAILS:
            self.log.tails[index] = tail

    def _look_at_output(self, launch: L, watch: Watch, now_ns: int) -> None:
        """Act on what was found in an instance's output since it was last looked at."""
        if watch.marked:
            self._take_marks(launch, watch, now_ns)
        if watch.ready and not launch.is_ready:
            self._on_ready(launch, now_ns)
        if watch.failure is not None and launch.ended_as is None:
            launch.ended_as = watch.failure
            self._on_failure(launch, now_ns)

    def _on_ready(self, launch: L, now_ns: int) -> None:
        """An instance is ready."""
        raise NotImplementedError

    def _on_failure(self, launch: L, now_ns: int) -> None:
        """An instance's output tells of a failure, which is its outcome now."""
        raise NotImplementedError

    def _take_marks(self, launch: L, watch: Watch, now_ns: int) -> None:
        """Write down the marks that were found."""
        events = self.log.events.setdefault(launch.index, {})
        for name, match in watch.marked:
            events[name] = now_ns
            if match.groupdict().get("ns"):
                events[f"guest:{name}"] = int(match["ns"])
        watch.marked.clear()

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
