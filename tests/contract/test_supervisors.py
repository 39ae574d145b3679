"""The contract of supervisors with the load generator: the simulated one and the real ones."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakeengine import FakeEngine, Script, api_supervisor

from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.launch.supervisor import Supervisor
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.testing import FakeTarget

S = 1_000_000_000
LONG_NS = 60 * S  # never reached: the awaited event comes first


MARKS = {"up": rb"up"}


def shell(script: str) -> Target:
    return Target("shell", ["/bin/sh", "-c", script])


def container(**fields: Any) -> Target:
    """Return a target of containers; the engine's script defines their behaviour."""
    return Target("container", supervisor=api_supervisor, **fields)


# Behaviour of an instance -> its simulation, the process that does it, the container (and its engine).
BEHAVIOURS: dict[str, tuple[Target, Target, Target, Script | None]] = {
    "succeeds": (FakeTarget(), shell("exit 0"), container(), Script()),
    "exits with 1": (FakeTarget(fail_every=1), shell("exit 1"), container(), Script(status=1)),
    "dies of a signal": (
        FakeTarget(fail_every=1, fail_as="signal"),
        shell("kill -SEGV $$"),
        container(),
        Script(status=139),
    ),
    "is never ready": (
        FakeTarget(fail_every=1, fail_as="not-ready")(ready=Line("up")),
        shell("echo down")(ready=Line("up")),
        container(ready=Line("up")),
        Script(output=b"down\n"),
    ),
    "can't be started": (
        FakeTarget(fail_every=1, fail_as="spawn-error"),
        Target("missing", ["/no/such/program"]),
        container(),
        None,
    ),
    "never exits": (
        FakeTarget(never_exits_every=1),
        shell("exec sleep 600"),
        container(),
        Script(status=None),
    ),
    "is ready, then exits": (
        FakeTarget(linger_s=0.05)(ready=Line("up")),
        shell("echo up; sleep 0.05")(ready=Line("up"), marks=MARKS),
        container(ready=Line("up"), marks=MARKS),
        Script(output=b"up\n", lingers_s=0.05),
    ),
    "serves": (
        FakeTarget(long_lived=True),
        shell("echo up; exec sleep 600")(ready=Line("up"), marks=MARKS, long_lived=True),
        container(ready=Line("up"), marks=MARKS, long_lived=True),
        Script(output=b"up\n", status=None),
    ),
}


class Make:
    """Makes supervisors of instances that behave as named, and closes each once."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self._directory = directory
        self._open: list[Supervisor] = []
        self._engines: list[FakeEngine] = []

    def __call__(self, behaviour: str, timeout_s: float = 60.0) -> Supervisor:
        simulated, real, container, script = BEHAVIOURS[behaviour]
        runtime = Runtime(secrets.token_hex(8), self._directory)
        made: Supervisor
        if self.kind == "simulated":
            assert simulated.supervisor is not None
            made = simulated.supervisor(simulated, None, timeout_s)
        elif self.kind == "processes":
            made = ProcessSupervisor(real, runtime, timeout_s)
        else:
            made = api_supervisor(container, runtime, timeout_s, self._engine(script))
        self._open.append(made)
        return made

    def _engine(self, script: Script | None) -> Path:
        """Return the socket of an engine that follows the script, or of none."""
        path = self._directory / f"{len(self._engines)}.sock"
        if script is not None:
            self._engines.append(FakeEngine(path, script))
        return path

    def of_engine(self, of_engine: Outcome, otherwise: Outcome) -> Outcome:
        """Return the outcome that is an engine's only, or the one of all others."""
        return of_engine if self.kind == "engine" else otherwise

    def close(self) -> None:
        while self._open:
            self._open.pop().close()
        while self._engines:
            self._engines.pop().die()


@pytest.fixture(params=["simulated", "processes", "engine"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made = Make(request.param, tmp_path)
    yield made
    made.close()


def start(supervisor: Supervisor) -> int:
    index = supervisor.log.add(supervisor.now_ns())
    supervisor.start(index)
    return index


def wait_for_all(supervisor: Supervisor) -> None:
    """Wait until nothing is in flight, within a bound."""
    until_ns = supervisor.now_ns() + LONG_NS
    while supervisor.in_flight:
        assert supervisor.wait(until_ns) < until_ns, "an instance didn't end"


def run_one(supervisor: Supervisor) -> int:
    index = start(supervisor)
    wait_for_all(supervisor)
    return index


def test_a_new_supervisor_has_seen_nothing(make: Make) -> None:
    supervisor = make("succeeds")
    counts = (supervisor.in_flight, supervisor.completed, supervisor.failed, supervisor.dropped)
    assert (*counts, supervisor.longest_service_ns, len(supervisor.log)) == (0,) * 6


def test_a_launch_that_succeeds_is_completed(make: Make) -> None:
    supervisor = make("succeeds")
    index = start(supervisor)
    assert supervisor.in_flight == 1
    wait_for_all(supervisor)
    log = supervisor.log
    assert (log.outcome[index], log.status[index]) == (Outcome.COMPLETED, 0)
    assert log.scheduled_ns[index] <= log.started_ns[index] < log.ready_ns[index] == log.exited_ns[index]
    assert (supervisor.in_flight, supervisor.completed, supervisor.failed) == (0, 1, 0)
    assert supervisor.longest_service_ns == log.ready_ns[index] - log.started_ns[index]
    assert log.tails == {}


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        ("exits with 1", Outcome.EXIT_CODE),
        ("dies of a signal", Outcome.SIGNAL),
        ("is never ready", Outcome.NOT_READY),
    ],
)
def test_a_launch_that_fails_is_counted_with_its_reason(make: Make, behaviour: str, outcome: Outcome) -> None:
    supervisor = make(behaviour)
    index = run_one(supervisor)
    log = supervisor.log
    if behaviour == "dies of a signal":  # an engine knows of a status only, as a shell does
        outcome = make.of_engine(Outcome.EXIT_CODE, outcome)
    assert log.outcome[index] == outcome
    assert log.started_ns[index] <= log.exited_ns[index]
    assert (supervisor.in_flight, supervisor.completed, supervisor.failed) == (0, 0, 1)
    assert supervisor.longest_service_ns == 0
    assert index in log.tails


@pytest.mark.parametrize(
    ("behaviour", "status"), [("exits with 1", 1), ("dies of a signal", -11), ("is never ready", 0)]
)
def test_the_status_is_the_exit_code_or_the_signal(make: Make, behaviour: str, status: int) -> None:
    supervisor = make(behaviour)
    index = run_one(supervisor)
    if make.kind == "engine" and status < 0:
        status = 128 - status
    assert supervisor.log.status[index] == status


def test_a_launch_that_cannot_be_started_was_never_in_flight(make: Make) -> None:
    supervisor = make("can't be started")
    index = start(supervisor)
    log = supervisor.log
    assert (supervisor.in_flight, supervisor.completed, supervisor.failed) == (0, 0, 1)
    assert log.outcome[index] == make.of_engine(Outcome.DAEMON_ERROR, Outcome.SPAWN_ERROR)
    assert log.started_ns[index] >= log.scheduled_ns[index]
    assert (log.ready_ns[index], log.exited_ns[index]) == (-1, -1)
    assert log.status[index] > 0  # errno, or the client's for an engine that isn't there
    assert index in log.tails


def test_a_launch_that_never_exits_is_timed_out(make: Make) -> None:
    supervisor = make("never exits", timeout_s=0.2)
    index = run_one(supervisor)
    log = supervisor.log
    assert log.outcome[index] == Outcome.TIMEOUT
    assert log.exited_ns[index] - log.started_ns[index] >= S // 5
    assert log.ready_ns[index] == -1
    assert (supervisor.in_flight, supervisor.completed, supervisor.failed) == (0, 0, 1)


def test_every_launch_has_a_time_out_of_its_own(make: Make) -> None:
    supervisor = make("never exits", timeout_s=0.3)
    first = start(supervisor)
    supervisor.wait(supervisor.now_ns() + S // 10, or_exit=False)
    second = start(supervisor)
    wait_for_all(supervisor)
    log = supervisor.log
    assert log.exited_ns[first] < log.exited_ns[second]
    assert log.exited_ns[second] - log.started_ns[second] >= 3 * S // 10


def test_a_launch_that_is_ready_before_its_exit_completes_with_the_exit(make: Make) -> None:
    supervisor = make("is ready, then exits")
    index = run_one(supervisor)
    log = supervisor.log
    assert log.outcome[index] == Outcome.COMPLETED
    assert log.started_ns[index] < log.ready_ns[index] < log.exited_ns[index]
    assert supervisor.longest_service_ns == log.ready_ns[index] - log.started_ns[index]


def test_a_long_lived_launch_completes_when_ready_and_is_then_stopped(make: Make) -> None:
    supervisor = make("serves")
    index = run_one(supervisor)
    log = supervisor.log
    assert log.outcome[index] == Outcome.COMPLETED
    assert log.started_ns[index] < log.ready_ns[index] <= log.exited_ns[index]
    assert (supervisor.completed, supervisor.failed) == (1, 0)


def test_a_long_lived_launch_that_was_completed_stays_so_when_it_is_ended(make: Make) -> None:
    supervisor = make("serves")
    index = start(supervisor)
    while not supervisor.completed:
        supervisor.wait(supervisor.now_ns() + S // 100)
    supervisor.end_all(Outcome.KILLED)
    wait_for_all(supervisor)
    assert supervisor.log.outcome[index] == Outcome.COMPLETED
    assert (supervisor.completed, supervisor.failed) == (1, 0)


# waiting ------------------------------------------------------------------------------------------


def test_waiting_ends_with_an_exit(make: Make) -> None:
    supervisor = make("succeeds")
    start(supervisor)
    until_ns = supervisor.now_ns() + LONG_NS
    assert supervisor.wait(until_ns, or_exit=True) < until_ns
    assert supervisor.in_flight == 0


def test_waiting_goes_on_over_exits_if_asked_to(make: Make) -> None:
    supervisor = make("succeeds")
    indexes = [start(supervisor) for _ in range(3)]
    until_ns = supervisor.now_ns() + S // 2
    now_ns = supervisor.wait(until_ns, or_exit=False)
    assert until_ns <= now_ns <= supervisor.now_ns()
    assert [supervisor.log.outcome[index] for index in indexes] == [Outcome.COMPLETED] * 3
    assert all(supervisor.log.exited_ns[index] <= now_ns for index in indexes)


def test_waiting_ends_at_the_instant_when_nothing_happens(make: Make) -> None:
    supervisor = make("never exits")
    start(supervisor)
    until_ns = supervisor.now_ns() + S // 20
    assert supervisor.wait(until_ns) >= until_ns
    assert supervisor.in_flight == 1


@pytest.mark.parametrize("or_exit", [True, False])
def test_waiting_for_an_instant_that_has_passed_looks_once_and_returns(make: Make, *, or_exit: bool) -> None:
    supervisor = make("never exits")
    start(supervisor)
    before_ns = supervisor.now_ns()
    assert before_ns <= supervisor.wait(before_ns - S, or_exit=or_exit) <= supervisor.now_ns()


def test_time_outs_are_enforced_while_waiting_over_exits(make: Make) -> None:
    supervisor = make("never exits", timeout_s=0.1)
    index = start(supervisor)
    supervisor.wait(supervisor.now_ns() + S // 2, or_exit=False)
    assert supervisor.log.outcome[index] == Outcome.TIMEOUT


def test_a_watched_descriptor_that_is_readable_ends_the_waiting(make: Make) -> None:
    supervisor = make("never exits")
    start(supervisor)
    read_end, write_end = os.pipe()
    seen: list[int] = []

    def drain(now_ns: int) -> None:
        seen.append(now_ns)
        os.read(read_end, 100)

    supervisor.watch(read_end, drain)
    os.write(write_end, b"!")
    until_ns = supervisor.now_ns() + LONG_NS
    now_ns = supervisor.wait(until_ns, or_exit=False)
    assert (seen, now_ns < until_ns) == ([now_ns], True)
    supervisor.wait(supervisor.now_ns() + S // 50)
    assert len(seen) == 1
    make.close()
    os.close(read_end)
    os.close(write_end)


# ending -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "failed"), [(Outcome.UNFINISHED, 0), (Outcome.KILLED, 3)])
def test_everything_in_flight_can_be_ended_with_an_outcome(make: Make, outcome: Outcome, failed: int) -> None:
    supervisor = make("never exits")
    indexes = [start(supervisor) for _ in range(3)]
    supervisor.end_all(outcome)
    wait_for_all(supervisor)
    log = supervisor.log
    assert [log.outcome[index] for index in indexes] == [outcome] * 3
    assert all(log.exited_ns[index] >= log.started_ns[index] for index in indexes)
    assert (supervisor.completed, supervisor.failed) == (0, failed)


def test_the_first_outcome_stays(make: Make) -> None:
    supervisor = make("never exits")
    index = start(supervisor)
    supervisor.end_all(Outcome.KILLED)
    supervisor.end_all(Outcome.UNFINISHED)
    wait_for_all(supervisor)
    assert supervisor.log.outcome[index] == Outcome.KILLED


def test_ending_nothing_is_fine(make: Make) -> None:
    supervisor = make("succeeds")
    supervisor.end_all(Outcome.UNFINISHED)
    run_one(supervisor)
    supervisor.end_all(Outcome.UNFINISHED)
    assert (supervisor.completed, supervisor.failed, supervisor.in_flight) == (1, 0, 0)


def test_launches_can_follow_after_everything_was_ended(make: Make) -> None:
    supervisor = make("never exits", timeout_s=0.2)
    start(supervisor)
    supervisor.end_all(Outcome.UNFINISHED)
    wait_for_all(supervisor)
    index = run_one(supervisor)
    assert supervisor.log.outcome[index] == Outcome.TIMEOUT


def test_a_trial_knows_nothing_of_the_one_before(make: Make) -> None:
    supervisor = make("succeeds")
    run_one(supervisor)
    supervisor.dropped += 1
    earlier = supervisor.log
    supervisor.begin_trial()
    counts = (supervisor.in_flight, supervisor.completed, supervisor.failed, supervisor.dropped)
    assert (*counts, supervisor.longest_service_ns, len(supervisor.log)) == (0,) * 6
    assert run_one(supervisor) == 0
    assert supervisor.completed == 1
    assert supervisor.log.trim().counts(range(1)) == {Outcome.COMPLETED: 1}
    assert len(earlier) == 1


@pytest.mark.parametrize("behaviour", ["never exits", "serves"])
def test_a_launch_that_outlives_its_trial_writes_into_no_row_of_the_next(make: Make, behaviour: str) -> None:
    supervisor = make(behaviour)
    start(supervisor)
    supervisor.end_all(Outcome.UNFINISHED)  # as at the end of a trial: it may take longer than the farewell
    assert nothing_in_a_later_trial(supervisor) is supervisor.log


@pytest.mark.parametrize(
    "behaviour", ["succeeds", "exits with 1", "is never ready", "is ready, then exits", "serves"]
)
def test_a_launch_whose_trial_is_over_is_not_counted_in_the_next_however_it_ends(
    make: Make, behaviour: str
) -> None:
    supervisor = make(behaviour)
    start(supervisor)
    nothing_in_a_later_trial(supervisor)


def nothing_in_a_later_trial(supervisor: Supervisor) -> LaunchLog:
    """Begin a trial while a launch is in flight, and wait for its end: nothing of it may be in the log."""
    earlier = supervisor.log
    supervisor.begin_trial()
    log, index = supervisor.log, supervisor.log.add(supervisor.now_ns())
    wait_for_all(supervisor)
    assert (supervisor.completed, supervisor.failed, supervisor.longest_service_ns) == (0, 0, 0)
    assert (log.outcome[index], log.status[index]) == (Outcome.UNFINISHED, 0)
    assert (log.started_ns[index], log.ready_ns[index], log.exited_ns[index]) == (-1, -1, -1)
    assert (log.user_s[index], log.max_rss_kib[index], log.tails, log.events) == (0, 0, {}, {})
    assert (earlier.outcome[index], earlier.exited_ns[index]) == (Outcome.UNFINISHED, -1)
    return log


def test_a_supervisor_can_be_closed_with_launches_in_flight(make: Make) -> None:
    supervisor = make("never exits")
    index = start(supervisor)
    make.close()
    assert supervisor.log.outcome[index] == Outcome.UNFINISHED
