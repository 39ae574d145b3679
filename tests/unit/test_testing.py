"""The public fakes: the promises of a simulated target."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from pytest_unikernel import testing
from pytest_unikernel.errors import TargetError
from pytest_unikernel.launch.simulated_behaviour import Behaviour
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Event, Exit, Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.result import plain
from pytest_unikernel.testing import FakeSupervisor, FakeTarget, ManualClock

MS = 1_000_000
S = 1_000_000_000


def ran(target: Target, starts_ms: list[float], *, until_s: float = 100.0) -> FakeSupervisor:
    """Start launches at these instants and let everything happen."""
    assert target.supervisor is not None
    supervisor = target.supervisor(target, None, target.timeout_s or 60.0)
    assert isinstance(supervisor, FakeSupervisor)
    for start_ms in starts_ms:
        supervisor.wait(round(start_ms * MS), or_exit=False)
        supervisor.start(supervisor.log.add(round(start_ms * MS)))
    supervisor.wait(round(until_s * S), or_exit=False)
    supervisor.log.trim()
    return supervisor


def exits_ms(supervisor: FakeSupervisor) -> list[float]:
    return [at_ns / MS for at_ns in supervisor.log.exited_ns]


def outcomes(log: LaunchLog) -> list[Outcome]:
    return [Outcome(code) for code in log.outcome]


def test_the_public_names_are_these() -> None:
    assert testing.__all__ == ["FakeSupervisor", "FakeTarget", "ManualClock"]
    assert all(inspect.getdoc(getattr(testing, name)) for name in testing.__all__)


# the clock ----------------------------------------------------------------------------------------


def test_a_manual_clock_moves_only_when_told_to() -> None:
    clock = ManualClock(5)
    assert clock.now_ns() == clock.now_ns() == 5
    clock.advance(10)
    clock.advance(0)
    assert clock.now_ns() == 15


def test_a_manual_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match=r"expected a duration >= 0 ns, got -1"):
        ManualClock().advance(-1)


# the target ---------------------------------------------------------------------------------------


def test_a_fake_target_is_a_target() -> None:
    target = FakeTarget()
    assert isinstance(target, Target)
    assert (target.name, target.full_name, dict(target.variant), target.ready) == ("fake", "fake", {}, Exit())


def test_a_derived_copy_keeps_what_was_set_before() -> None:
    first = FakeTarget("mine", servers=2, timeout_s=9.0)
    second = first(service_time_s=2.0)
    assert (second.name, second.timeout_s) == ("mine", 9.0)
    assert dict(second.variant) == {"servers": 2, "timeout_s": 9.0, "service_time_s": 2.0}
    assert dict(first.variant) == {"servers": 2, "timeout_s": 9.0}
    assert exits_ms(ran(second, [0, 0, 0])) == [2000, 2000, 4000]
    assert exits_ms(ran(first, [0, 0, 0])) == [10, 10, 20]


def test_a_default_adds_nothing_to_the_variant() -> None:
    assert dict(FakeTarget(servers=2)(servers=None, spawn_s=0.0).variant) == {}


def test_every_parameter_can_be_changed_in_a_copy() -> None:
    changed: dict[str, Any] = {
        "service_time_s": 0.5,
        "servers": 3,
        "stall": (1.0, 2.0),
        "spawn_s": 0.001,
        "spawn_stall": (1.0, 2.0),
        "fail_every": 5,
        "fail_as": "signal",
        "never_exits_every": 7,
        "linger_s": 1.0,
        "long_lived": True,
        "timeout_s": 4.0,
    }
    assert set(changed) == set(inspect.signature(FakeTarget).parameters) - {"name"}
    assert dict(FakeTarget()(**changed).variant) == dict(FakeTarget(**changed).variant) == changed


def test_plain_fields_of_a_target_can_be_changed_too() -> None:
    target = FakeTarget()(ready=Line("up"), label="x", servers=1)
    assert (target.full_name, target.ready) == ("fake[x]", Line("up"))
    assert exits_ms(ran(target, [0, 0])) == [10, 20]


def test_the_variant_can_be_written_as_json() -> None:
    assert plain(FakeTarget(stall=(1.0, 2.0), service_time_s=float).variant) == {
        "stall": [1.0, 2.0],
        "service_time_s": "builtins.float",
    }


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"servers": 0}, "servers must be an integer >= 1 or None, got 0"),
        ({"fail_every": 1.5}, "fail_every must be an integer >= 1 or None, got 1.5"),
        ({"never_exits_every": -1}, "never_exits_every must be"),
        ({"service_time_s": -0.1}, "service_time_s must be a finite number >= 0, got -0.1"),
        ({"spawn_s": float("nan")}, "spawn_s must be a finite number >= 0, got nan"),
        ({"linger_s": float("inf")}, "linger_s must be"),
        ({"fail_as": "bored"}, "fail_as must be one of .*exit-code.*, got 'bored'"),
        ({"fail_as": "timeout"}, "use never_exits_every="),
        ({"stall": (1.0, -2.0)}, r"stall must be two finite numbers >= 0, got \(1.0, -2.0\)"),
        ({"spawn_stall": 3.0}, "spawn_stall must be two finite numbers >= 0, got 3.0"),
    ],
)
def test_what_cannot_be_simulated_is_refused(parameters: dict[str, Any], text: str) -> None:
    with pytest.raises(TargetError, match=text):
        FakeTarget(**parameters)
    with pytest.raises(TargetError, match=text):
        FakeTarget()(**parameters)


def test_unknown_parameters_are_refused_with_the_known_ones() -> None:
    with pytest.raises(TargetError, match=r"unknown parameter 'kvm'; expected one of .*servers"):
        FakeTarget()(kvm=True)


# the queue ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "starts_ms", "exits"),
    [
        ({}, [0, 0, 5], [10, 10, 15]),  # unlimited: nobody waits
        ({"servers": 1}, [0, 0, 5, 40], [10, 20, 30, 50]),  # first come, first served
        ({"servers": 2}, [0, 0, 5, 40], [10, 10, 20, 50]),
        ({"servers": 1, "service_time_s": lambda index: (index + 1) / 1000}, [0, 0, 0], [1, 3, 6]),
        ({"service_time_s": 0.0}, [0, 3], [0, 3]),
        # a stall adds its rest to what is in service or due in it
        ({"stall": (0.005, 0.1)}, [0, 5, 50, 104], [110, 115, 115, 115]),
        ({"stall": (0.005, 0.1)}, [105], [115]),
        ({"stall": (0.010, 0.1)}, [0], [10]),  # done as the stall begins
        ({"servers": 1, "stall": (0.005, 0.1)}, [0, 0, 0], [110, 120, 130]),
        # starts that take time, and those of a stalled generator
        ({"spawn_s": 0.004}, [0, 0, 0], [14, 18, 22]),
        ({"spawn_stall": (0.005, 0.1)}, [0, 5, 6], [10, 115, 115]),
    ],
)
def test_exits_are_exactly_those_of_the_queue(
    parameters: dict[str, Any], starts_ms: list[float], exits: list[float]
) -> None:
    supervisor = ran(FakeTarget(**parameters), starts_ms)
    assert exits_ms(supervisor) == exits
    assert set(supervisor.log.outcome) == {Outcome.COMPLETED}
    assert supervisor.log.ready_ns == supervisor.log.exited_ns
    assert supervisor.in_flight == 0


def test_a_stall_of_the_spawn_is_seen_in_when_launches_are_started() -> None:
    log = ran(FakeTarget(spawn_stall=(0.005, 0.1)), [0, 5, 6]).log
    assert [at_ns / MS for at_ns in log.started_ns] == [0, 5, 105]
    assert [spawn_ns / MS for spawn_ns in log.spawn_ns] == [0, 100, 0]


def test_a_launch_that_never_exits_keeps_its_server_until_it_is_timed_out() -> None:
    supervisor = ran(FakeTarget(servers=1, never_exits_every=2, timeout_s=1.0), [0, 0, 500])
    assert outcomes(supervisor.log) == [Outcome.COMPLETED, Outcome.TIMEOUT, Outcome.COMPLETED]
    assert exits_ms(supervisor) == [10, 1000, 1010]


def test_a_launch_may_time_out_in_the_queue() -> None:
    supervisor = ran(FakeTarget(servers=1, service_time_s=0.8, timeout_s=1.0), [0, 0, 100, 900])
    log = supervisor.log
    assert outcomes(log) == [Outcome.COMPLETED, Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.COMPLETED]
    assert exits_ms(supervisor) == [800, 1000, 1100, 1900]


def test_a_launch_that_ends_exactly_at_its_limit_has_completed() -> None:
    assert outcomes(ran(FakeTarget(service_time_s=1.0, timeout_s=1.0), [0]).log) == [Outcome.COMPLETED]


@pytest.mark.parametrize(
    "reason", ["exit-code", "signal", "not-ready", "guest-panic", "kvm-error", "daemon-error", "killed"]
)
def test_every_nth_launch_fails_for_the_reason_given(reason: str) -> None:
    supervisor = ran(FakeTarget(fail_every=3, fail_as=reason), [0] * 7)
    assert [outcome.reason for outcome in outcomes(supervisor.log)] == [
        *("completed", "completed", reason) * 2,
        "completed",
    ]
    assert (supervisor.completed, supervisor.failed) == (5, 2)
    assert sorted(supervisor.log.tails) == [2, 5]
    assert exits_ms(supervisor) == [10] * 7


def test_a_spawn_error_never_was_in_flight() -> None:
    supervisor = ran(FakeTarget(fail_every=1, fail_as="spawn-error", spawn_s=0.001), [0])
    assert outcomes(supervisor.log) == [Outcome.SPAWN_ERROR]
    assert (supervisor.log.started_ns[0], supervisor.log.exited_ns[0]) == (0, -1)
    assert (supervisor.in_flight, supervisor.failed) == (0, 1)


def test_a_long_lived_launch_completes_when_ready_and_is_then_stopped() -> None:
    target = FakeTarget(long_lived=True, linger_s=0.5, servers=1)
    assert target.ready == Event("ready")
    supervisor = ran(target, [0, 0])
    log = supervisor.log
    assert outcomes(log) == [Outcome.COMPLETED] * 2
    assert [at_ns / MS for at_ns in log.ready_ns] == [
        10,
        520,
    ]  # the first one's server was busy being stopped
    assert exits_ms(supervisor) == [510, 1020]
    assert (supervisor.completed, supervisor.longest_service_ns) == (2, 520 * MS)


def test_a_launch_that_was_ready_completes_with_its_exit() -> None:
    target = FakeTarget(linger_s=0.5, timeout_s=0.3)(ready=Line("up"))
    log = ran(target, [0]).log
    assert (log.ready_ns[0], log.exited_ns[0]) == (10 * MS, 300 * MS)
    assert outcomes(log) == [Outcome.TIMEOUT]
    patient = ran(target(timeout_s=60), [0]).log
    assert (outcomes(patient), patient.exited_ns[0]) == ([Outcome.COMPLETED], 510 * MS)


# the supervisor -----------------------------------------------------------------------------------


def begun(behaviour: Behaviour, launches: int, **options: Any) -> FakeSupervisor:
    supervisor = FakeSupervisor(FakeTarget(), behaviour=behaviour, **options)
    for _ in range(launches):
        supervisor.start(supervisor.log.add(supervisor.now_ns()))
    return supervisor


def test_time_jumps_to_the_next_exit() -> None:
    clock = ManualClock(7)
    supervisor = begun(Behaviour(service_time_s=30.0), 1, clock=clock)
    assert supervisor.wait(10**15) == clock.now_ns() == 7 + 30 * S


def test_ending_everything_gives_servers_to_nobody_who_is_ended_too() -> None:
    supervisor = begun(Behaviour(servers=1, service_time_s=5.0), 3)
    supervisor.wait(S, or_exit=False)
    supervisor.end_all(Outcome.KILLED)
    supervisor.wait(S)
    supervisor.start(supervisor.log.add(S))
    supervisor.wait(60 * S)
    assert outcomes(supervisor.log.trim()) == [*[Outcome.KILLED] * 3, Outcome.COMPLETED]
    assert exits_ms(supervisor) == [1000, 1000, 1000, 6000]


def test_a_launch_can_be_ended_before_it_has_arrived() -> None:
    supervisor = begun(Behaviour(servers=1), 1)
    supervisor.end_all(Outcome.UNFINISHED)
    supervisor.wait(0)
    assert (supervisor.in_flight, supervisor.failed) == (0, 0)
    supervisor.start(supervisor.log.add(0))
    supervisor.wait(S)
    assert supervisor.completed == 1


def test_nothing_happens_after_the_end() -> None:
    supervisor = begun(Behaviour(), 2)
    supervisor.close()
    supervisor.wait(S)
    assert set(supervisor.log.outcome) == {Outcome.UNFINISHED}


@pytest.mark.parametrize("service_time_s", [0.0, 0.25, lambda index: index / 10])
def test_equal_runs_are_equal(service_time_s: float | Callable[[int], float]) -> None:
    target = FakeTarget(servers=2, service_time_s=service_time_s, never_exits_every=5, fail_every=3)
    first, second = (ran(target, [0, 1, 1, 5, 8, 90, 90]) for _ in range(2))
    assert vars(first.log) == vars(second.log)
