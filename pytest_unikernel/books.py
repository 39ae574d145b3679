"""What every supervisor of real instances writes down of a launch, and how it judges one that has exited."""

from __future__ import annotations

from array import array

from pytest_unikernel.output import Watch
from pytest_unikernel.record import OUTCOME_OF_REASON, LaunchLog, Outcome
from pytest_unikernel.target import Target

MAX_TAILS = 20
# One that takes this long does not show half a millisecond: no deadline is looked for ahead of its time then.
SLOW_NS = 50_000_000
COMPLETED, UNFINISHED = Outcome.COMPLETED, Outcome.UNFINISHED


class Books:
    """The log and the running counts of the protocol; a supervisor of real instances derives from it."""

    def __init__(self, target: Target) -> None:
        self.log = LaunchLog()
        self.in_flight = self.completed = self.failed = self.dropped = 0
        self.longest_service_ns = self.shortest_service_ns = 0
        self.turns_ns = array("Q")
        self._exit_codes, self._exit_reasons = target.exit_codes, target.exit_reasons

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

    def _take_marks(self, index: int, watch: Watch, now_ns: int) -> None:
        """Write down the marks that were found since they were last taken."""
        events = self.log.events.setdefault(index, {})
        for name, match in watch.marked:
            events[name] = now_ns
            if match.groupdict().get("ns"):
                events[f"guest:{name}"] = int(match["ns"])
        watch.marked.clear()
