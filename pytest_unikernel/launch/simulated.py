"""Simulated instances in virtual time, for :func:`pytest_unikernel.testing.FakeTarget`."""

from __future__ import annotations

import heapq
import math
import select
from array import array
from collections import deque
from collections.abc import Callable

from pytest_unikernel.clock import nanoseconds
from pytest_unikernel.launch.simulated_behaviour import Behaviour, Interval, ManualClock, is_nth
from pytest_unikernel.plan.outcome import OUTCOME_OF_REASON, Outcome
from pytest_unikernel.plan.readiness import Exit
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog

NEVER_NS = 1 << 62
KILLED_STATUS = -9
STATUS = {Outcome.COMPLETED: 0, Outcome.NOT_READY: 0, Outcome.EXIT_CODE: 1, Outcome.SIGNAL: -11}
EAGAIN = 11  # the errno of a simulated spawn-error


class _Launch:
    """A simulated instance."""

    __slots__ = ("ended_as", "gone", "index", "log", "serving")

    def __init__(self, index: int, log: LaunchLog) -> None:
        self.index = index
        self.log = log  # of its trial, which it may outlive: nothing is written down then
        self.serving = self.gone = False
        self.ended_as: Outcome | None = None


class FakeSupervisor:
    """A :class:`pytest_unikernel.launch.supervisor.Supervisor` of simulated instances, in virtual time.

    Instants in the log are those of the simulated events, exactly; ``started_ns`` is the instant before the
    spawn, as with processes. ``wait`` lets time jump and never waits; watched descriptors are checked in
    every turn.
    """

    def __init__(
        self,
        target: Target,
        runtime: object = None,
        timeout_s: float = 60.0,
        *,
        behaviour: Behaviour | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        del runtime  # nothing of a simulation is on disk
        self.begin_trial()
        self.in_flight = self.removing = 0
        self.turns_ns = array("I")
        self.clock = clock or ManualClock()
        self._target = target
        self.behaviour = behaviour or Behaviour()
        self._stall_ns = self._interval_ns(self.behaviour.stall)
        self._spawn_stall_ns = self._interval_ns(self.behaviour.spawn_stall)
        self._timeout_ns = nanoseconds(timeout_s)
        self._free = math.inf if self.behaviour.servers is None else self.behaviour.servers
        self._queue: deque[_Launch] = deque()
        self._running: dict[_Launch, None] = {}
        self._limits: deque[tuple[int, _Launch]] = deque()  # equal for all: the oldest is first
        self._events: list[tuple[int, int, Callable[[_Launch, int], None], _Launch]] = []
        self._pushed = self._exits = 0
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._poll = select.poll()

    def _interval_ns(self, interval_s: Interval | None) -> tuple[int, int]:
        at_s, duration_s = interval_s or (0.0, 0.0)
        begin_ns = self.clock.now_ns() + nanoseconds(at_s)
        return begin_ns, begin_ns + nanoseconds(duration_s)

    def begin_trial(self) -> None:
        """Begin with an empty log and no counts."""
        self.log = LaunchLog()
        self.completed = self.failed = self.dropped = self.longest_service_ns = 0

    def now_ns(self) -> int:
        """Return the present virtual instant."""
        return self.clock.now_ns()

    def watch(self, descriptor: int, handler: Callable[[int], None]) -> None:
        """Call the handler with the instant whenever the descriptor is readable."""
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, select.POLLIN)

    # starting -------------------------------------------------------------------------------------

    def start(self, index: int) -> None:
        """Start the launch of that row; virtual time passes as long as the spawn takes."""
        started_ns = self.clock.now_ns()
        self.log.started_ns[index] = started_ns
        begin_ns, end_ns = self._spawn_stall_ns
        held_ns = end_ns - started_ns if begin_ns <= started_ns < end_ns else 0
        self.clock.advance(held_ns + nanoseconds(self.behaviour.spawn_s))
        if self.behaviour.fail_as == "spawn-error" and self.behaviour.fails(index):
            self._fail(index, Outcome.SPAWN_ERROR, EAGAIN)
            return
        self.log.spawn_ns[index] = min(self.clock.now_ns() - started_ns, 0xFFFF_FFFF)
        launch = _Launch(index, self.log)
        self.in_flight += 1
        self._running[launch] = None
        self._limits.append((started_ns + self._timeout_ns, launch))
        self._push(self.clock.now_ns(), self._arrive, launch)

    def _push(self, at_ns: int, handler: Callable[[_Launch, int], None], launch: _Launch) -> None:
        """Add an event; events of one instant happen in the order in which they were added."""
        self._pushed += 1
        heapq.heappush(self._events, (at_ns, self._pushed, handler, launch))

    # waiting --------------------------------------------------------------------------------------

    def wait(self, until_ns: int, *, or_exit: bool = True, punctual: bool = True) -> int:
        """Let virtual time jump to the instant, or to the next exit; see the protocol."""
        del punctual  # virtual time always is
        while True:
            now_ns = self.clock.now_ns()
            exits = self._exits
            self._let_happen(now_ns)
            self.turns_ns.append(0)
            returning = self._look_at_watched(now_ns) or (or_exit and self._exits > exits)
            if returning or now_ns >= until_ns:
                return now_ns
            self.clock.advance(min(until_ns, self._next_event_ns(), self._next_limit_ns()) - now_ns)

    def _let_happen(self, now_ns: int) -> None:
        """Let every event up to the instant happen, in order; an exit is before a limit that ends with it."""
        while True:
            event_ns, limit_ns = self._next_event_ns(), self._next_limit_ns()
            if min(event_ns, limit_ns) > now_ns:
                return
            if limit_ns < event_ns:
                self._end(self._limits.popleft()[1], Outcome.TIMEOUT, limit_ns)
            else:
                at_ns, _, handler, launch = heapq.heappop(self._events)
                handler(launch, at_ns)

    def _next_event_ns(self) -> int:
        return self._events[0][0] if self._events else NEVER_NS

    def _next_limit_ns(self) -> int:
        limits = self._limits
        while limits and (limits[0][1].gone or limits[0][1].ended_as is not None):
            limits.popleft()
        return limits[0][0] if limits else NEVER_NS

    def _look_at_watched(self, now_ns: int) -> bool:
        readable = self._poll.poll(0) if self._handlers else []
        for descriptor, _ in readable:
            self._handlers[descriptor](now_ns)
        return bool(readable)

    # serving --------------------------------------------------------------------------------------

    def _arrive(self, launch: _Launch, at_ns: int) -> None:
        if self._free > 0:
            self._serve(launch, at_ns)
        else:
            self._queue.append(launch)

    def _serve(self, launch: _Launch, at_ns: int) -> None:
        """Put the launch into a free server; a launch that never exits gets no end."""
        self._free -= 1
        launch.serving = True
        if not is_nth(launch.index, self.behaviour.never_exits_every):
            self._push(self._served_ns(at_ns, self.behaviour.service_ns(launch.index)), self._served, launch)

    def _served_ns(self, begin_ns: int, work_ns: int) -> int:
        """Return the end of work that begins at the instant, extended by the remaining time of a stall."""
        stall_begin_ns, stall_end_ns = self._stall_ns
        if begin_ns < stall_end_ns and begin_ns + work_ns > stall_begin_ns:
            return begin_ns + work_ns + stall_end_ns - max(begin_ns, stall_begin_ns)
        return begin_ns + work_ns

    def _served(self, launch: _Launch, at_ns: int) -> None:
        """The launch is ready, or fails instead."""
        if launch.gone or launch.ended_as is not None:
            return
        if self.behaviour.fails(launch.index):
            launch.ended_as = OUTCOME_OF_REASON[self.behaviour.fail_as]
        elif isinstance(self._target.ready, Exit):
            self._complete(launch, at_ns)
        else:
            if self._target.long_lived:
                self._complete(launch, at_ns)
            if launch.log is self.log:
                self.log.ready_ns[launch.index] = at_ns
            self._push(at_ns + nanoseconds(self.behaviour.linger_s), self._leave, launch)
            return
        self._leave(launch, at_ns)

    # ending ---------------------------------------------------------------------------------------

    def end_all(self, outcome: Outcome) -> None:
        """Begin to end every instance in flight; those that have no outcome yet get this one."""
        for launch in list(self._running):
            self._end(launch, outcome, self.clock.now_ns())

    def _end(self, launch: _Launch, outcome: Outcome, at_ns: int) -> None:
        if launch.ended_as is None:
            launch.ended_as = outcome
        self._push(at_ns, self._leave, launch)

    def _leave(self, launch: _Launch, at_ns: int) -> None:
        """The instance exits: its server takes the next in the queue, its row is filled in."""
        if launch.gone:
            return
        launch.gone = True
        del self._running[launch]
        self.in_flight -= 1
        self._exits += 1
        if launch.log is self.log:
            self._judge(launch, at_ns)
        if launch.serving:
            self._free += 1
            self._serve_next(at_ns)

    def _judge(self, launch: _Launch, at_ns: int) -> None:
        self.log.exited_ns[launch.index] = at_ns
        if launch.ended_as is None:
            self._complete(launch, self.log.ready_ns[launch.index])
        elif launch.ended_as is not Outcome.COMPLETED:
            self._fail(launch.index, launch.ended_as, STATUS.get(launch.ended_as, KILLED_STATUS))

    def _serve_next(self, at_ns: int) -> None:
        while self._queue:
            launch = self._queue.popleft()
            if not launch.gone:
                self._serve(launch, at_ns)
                return

    def _complete(self, launch: _Launch, ready_ns: int) -> None:
        index = launch.index
        launch.ended_as = Outcome.COMPLETED
        if launch.log is not self.log:
            return
        self.log.outcome[index] = Outcome.COMPLETED
        self.log.ready_ns[index] = ready_ns
        self.completed += 1
        self.longest_service_ns = max(self.longest_service_ns, ready_ns - self.log.started_ns[index])

    def _fail(self, index: int, outcome: Outcome, status: int) -> None:
        self.log.outcome[index] = outcome
        self.log.status[index] = status
        self.failed += outcome is not Outcome.UNFINISHED
        self.log.tails[index] = f"simulated: {outcome.reason}\n"

    def close(self) -> None:
        """Release everything: the simulation ends."""
        self._events.clear()
        self._running.clear()
        self._queue.clear()
        self._limits.clear()
