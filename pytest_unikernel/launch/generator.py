"""The open-loop load generator: launches follow the schedule and never wait for earlier ones.

One turn of the loop starts at most one launch, so that catching up never starves exits. Source of
the model: Schroeder, Wierman, Harchol-Balter, Open Versus Closed: A Cautionary Tale (NSDI 2006).
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_unikernel.clock import nanoseconds
from pytest_unikernel.launch.farewell import FAREWELL_NS, end_everything
from pytest_unikernel.launch.guards import LOOK_EVERY_NS, Guard
from pytest_unikernel.launch.progress import PHASES, Progress
from pytest_unikernel.launch.supervisor import Supervisor
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.share import Share, offsets, window_begin_ns
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import BACKLOG_RISE_LAUNCHES

LEAD_NS = 2_000_000  # between the decision to begin and the first launch
Begin = Callable[[int], int]  # takes the present instant, returns that of the schedule's beginning
NEVER_NS = 1 << 62
HOPELESS_FAILURES = 10  # with nothing completed: there is nothing to warm up
WARM_UP, WINDOW, COOL_DOWN, DRAIN, COLD = (
    PHASES.index(name) for name in ("warm-up", "window", "cool-down", "drain", "cold")
)


def soon(now_ns: int) -> int:
    """Return an instant that is near enough to begin at once."""
    return now_ns + LEAD_NS


class LoadGenerator:
    """Runs one trial of a load; ``interrupted()`` is asked each turn and ends it early."""

    def __init__(
        self,
        supervisor: Supervisor,
        plan: LoadPlan,
        guard: Guard,
        *,
        show: Callable[[Progress], None] = lambda _: None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._supervisor = supervisor
        self._plan = plan
        self._guard = guard
        self._show = show
        self._interrupted = interrupted
        self._window_ns, self._drain_ns = plan.window_ns, nanoseconds(plan.drain_timeout_s)
        self._agreed_ns: int | None = None  # the window's offset, where several hosts agree on it
        self._phase = WARM_UP
        self._due_ns = self._begin_ns = self._window_begin_ns = self._window_end_ns = 0
        self._cohort_begin = self._cohort_end = self._oldest = -1
        self._lateness_ns = self._next_look_ns = 0
        self._first_backlog = self._first_launches = 0  # of the window's first quarter
        self._last_backlog = self._last_launches = 0
        self._dropped_before = self._dropped_in_window = 0
        self._phase_until_ns = self._first_quarter_end_ns = 0
        self._last_quarter_begin_ns = NEVER_NS
        self._longest_ns: int | None = None
        self._last_turn_ns = 0

    @property
    def warmup_ns(self) -> int:
        """The warm-up as it turned out."""
        return max(0, self._window_begin_ns - self._begin_ns)

    def run(self, seed: int | None = None, begin: Begin = soon) -> Trial:
        """Run one trial: warm-up, window, cool-down, drain; nothing is in flight afterwards."""
        supervisor, plan = self._supervisor, self._plan
        if plan.share is not None:
            warmup_ns = nanoseconds(plan.agreed_warmup_s)
            self._agreed_ns = window_begin_ns(plan.arrivals, plan.step, seed, warmup_ns)
        offsets_ns = offsets(plan.arrivals, plan.step, seed, plan.share)
        self._begin_ns = self._last_turn_ns = begin(supervisor.now_ns())
        self._due_ns = self._begin_ns + next(offsets_ns)
        now_ns = supervisor.wait(self._due_ns)
        while self._launching(now_ns):
            if now_ns >= self._due_ns:
                self._launch()
                self._due_ns = self._begin_ns + next(offsets_ns)
            now_ns = self._turn(self._due_ns, or_exit=self._phase == COOL_DOWN)
        self._drop_what_is_overdue(offsets_ns)
        self._drain()
        self._report()
        return self._trial()

    def _turn(self, until_ns: int, *, or_exit: bool) -> int:
        """Wait, but not past the next look of the guard and the live line."""
        look_ns, wait = self._next_look_ns, self._supervisor.wait
        if until_ns < look_ns:
            now_ns = wait(until_ns, or_exit=or_exit)
        else:
            now_ns = wait(look_ns, or_exit=or_exit, punctual=False)
        self._last_turn_ns = now_ns
        if now_ns >= look_ns:
            self._look(now_ns)
        return now_ns

    def _look(self, now_ns: int) -> None:
        """Look at the memory, and report the progress of the load."""
        self._next_look_ns = now_ns + LOOK_EVERY_NS
        if self._guard.emergency(now_ns):
            self._supervisor.end_all(Outcome.KILLED)
        self._report()

    # launching ------------------------------------------------------------------------------------

    def _launch(self) -> None:
        """Give the launch that is due its row and phase, and start it unless a guard refuses."""
        supervisor, due_ns = self._supervisor, self._due_ns
        if due_ns >= self._phase_until_ns:
            self._enter_phase(due_ns)
        if due_ns < self._first_quarter_end_ns:
            self._first_backlog += supervisor.in_flight
            self._first_launches += 1
        elif due_ns >= self._last_quarter_begin_ns:
            self._last_backlog += supervisor.in_flight
            self._last_launches += 1
        log = supervisor.log
        index = log.add(due_ns)
        if self._guard.refuses(supervisor.in_flight + supervisor.removing):
            log.outcome[index] = Outcome.DROPPED
            supervisor.dropped += 1
        else:
            supervisor.start(index)
            self._lateness_ns = log.started_ns[index] - due_ns

    def _enter_phase(self, due_ns: int) -> None:
        """The window begins and ends exactly on a scheduled launch, never between two."""
        if self._phase == WARM_UP:
            window_begin_ns = self._window_at_ns(due_ns)
            if due_ns >= window_begin_ns:
                self._begin_window(window_begin_ns)
        if self._phase == WINDOW and due_ns >= self._window_end_ns:
            self._phase = COOL_DOWN
            self._phase_until_ns = self._last_quarter_begin_ns = NEVER_NS
            self._cohort_end = len(self._supervisor.log)
            self._dropped_in_window = self._supervisor.dropped - self._dropped_before

    def _window_at_ns(self, due_ns: int) -> int:
        """Return the instant at which the window begins: as agreed, or this launch's if all is warm."""
        if self._agreed_ns is not None:
            return self._begin_ns + self._agreed_ns
        return due_ns if self._warmed_up(due_ns) else NEVER_NS

    def _begin_window(self, begin_ns: int) -> None:
        self._phase = WINDOW
        self._window_begin_ns = begin_ns
        self._window_end_ns = self._phase_until_ns = begin_ns + self._window_ns
        self._first_quarter_end_ns = begin_ns + self._window_ns // 4
        self._last_quarter_begin_ns = self._window_end_ns - self._window_ns // 4
        self._cohort_begin = self._oldest = len(self._supervisor.log)
        self._dropped_before = self._supervisor.dropped
        self._supervisor.log.forget_tails()  # of the warm-up's failures: there is room for a few only

    def _warmed_up(self, due_ns: int) -> bool:
        """Return whether the warm-up is over: long enough, and something has completed, or at its bound.

        Long enough means the asked time, and twice the longest service time of this series. Of this step,
        only launches that had completed by the end of the asked time count (or the first completion, if that
        came later): the times of an overloaded step grow as fast as the warm-up that would wait for them.
        """
        supervisor, elapsed_ns = self._supervisor, due_ns - self._begin_ns
        if max(due_ns, self._last_turn_ns) - self._begin_ns >= nanoseconds(self._plan.max_warmup_s):
            return True
        if elapsed_ns < nanoseconds(self._plan.warmup_s):
            return False
        if not supervisor.completed:
            return supervisor.failed >= HOPELESS_FAILURES
        if self._longest_ns is None:
            earlier_ns = nanoseconds(self._plan.longest_service_s)
            self._longest_ns = max(supervisor.longest_service_ns, earlier_ns)
        return elapsed_ns >= 2 * self._longest_ns

    def _launching(self, now_ns: int) -> bool:
        """Return whether launches go on: until the cohort has ended, or has been given its time."""
        if self._interrupted():
            return False
        if self._phase == WARM_UP:
            return True
        if now_ns >= self._window_end_ns + self._drain_ns:
            return False
        return self._phase != COOL_DOWN or not (self._cohort_ended() or self._known_saturated())

    def _cohort_ended(self) -> bool:
        """Return whether every launch of the cohort has ended; looks at each row once in a trial."""
        outcome = self._supervisor.log.outcome
        while self._oldest < self._cohort_end and outcome[self._oldest]:
            self._oldest += 1
        return self._oldest >= self._cohort_end

    def _known_saturated(self) -> bool:
        """Return whether the step is saturated beyond doubt: more load would show nothing new.

        The backlog is sampled at each launch; the verdict itself is computed from the log.
        """
        rows = self._cohort_end - self._cohort_begin
        first = self._first_backlog / max(1, self._first_launches)
        rise = self._last_backlog / max(1, self._last_launches) - first
        limit = max(BACKLOG_RISE_LAUNCHES, self._plan.backlog_share * 0.75 * rows)
        return self._dropped_in_window > 0 or rise > limit

    def _deadline_ns(self) -> int:
        return self._window_end_ns + self._drain_ns

    # ending ---------------------------------------------------------------------------------------

    def _drop_what_is_overdue(self, offsets_ns: object) -> None:
        """Launches of the window that could not even be tried within the drain time-out are dropped."""
        log = self._supervisor.log
        if self._phase == WINDOW and not self._interrupted():
            while self._due_ns < self._window_end_ns:
                log.outcome[log.add(self._due_ns)] = Outcome.DROPPED
                self._guard.dropped["generator"] += 1
                self._supervisor.dropped += 1
                self._due_ns = self._begin_ns + next(offsets_ns)  # type: ignore[call-overload]
        if self._cohort_end < 0:
            self._cohort_end = len(log)

    def _drain(self) -> None:
        """Wait for instances in flight: the cohort its time, the others their usual one; then end them."""
        supervisor = self._supervisor
        self._phase = DRAIN
        now_ns = supervisor.now_ns()
        usual_ns = now_ns + 2 * max(supervisor.longest_service_ns, FAREWELL_NS // 10)
        while supervisor.in_flight and not self._interrupted():
            until_ns = min(usual_ns, self._deadline_ns()) if self._cohort_ended() else self._deadline_ns()
            if now_ns >= until_ns:
                break
            now_ns = self._turn(until_ns, or_exit=True)
        end_everything(supervisor)

    def _trial(self) -> Trial:
        begin_ns, end_ns = self._window_begin_ns, self._window_end_ns
        if self._cohort_begin < 0:
            self._cohort_begin = self._cohort_end
            begin_ns = end_ns = self._last_turn_ns
        elif self._interrupted():
            # The next launch isn't part of it. A part of a step would hold one launch too many.
            measured_ns = NEVER_NS if self._plan.arrivals == "fixed" else self._last_turn_ns + 1
            end_ns = min(end_ns, self._due_ns, measured_ns)
        return Trial(
            log=self._supervisor.log.trim(),
            rows=range(self._cohort_begin, self._cohort_end),
            begin_ns=begin_ns,
            end_ns=end_ns,
            step_ns=float(self._plan.step) * 1e9 * (self._plan.share or Share()).hosts,
            backlog_share=self._plan.backlog_share,
        )

    def _report(self) -> None:
        supervisor = self._supervisor
        progress = Progress(
            self._phase,
            supervisor.in_flight,
            supervisor.completed,
            supervisor.failed,
            supervisor.dropped,
            self._lateness_ns,
            self._window_begin_ns if self._phase == WARM_UP else self._window_end_ns,
            self._expected_end_ns(),
        )
        self._show(progress)

    def _expected_end_ns(self) -> int:
        if self._phase == WARM_UP:
            longest_ns = max(self._supervisor.longest_service_ns, nanoseconds(self._plan.longest_service_s))
            warmup_ns = max(nanoseconds(self._plan.warmup_s), 2 * longest_ns)
            if not self._supervisor.completed and self._last_turn_ns >= self._begin_ns + warmup_ns:
                warmup_ns = nanoseconds(self._plan.max_warmup_s)  # nobody knows; this is the latest
            return self._begin_ns + warmup_ns + self._window_ns
        return self._window_end_ns
