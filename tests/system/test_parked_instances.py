"""Real instances in such numbers that the older ones' descriptors are parked."""

from __future__ import annotations

import errno
import os
import random
import signal
import socket
from typing import Any

import pytest
from realloads import descriptors, shell, supervised

from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.parking import BATCH, FIRST_KEY
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.session import Session

S = 1_000_000_000
MANY = 4 * BATCH
OBEDIENT = (
    "trap 'echo up; exit 0' USR1; trap 'exit 3' USR2; trap 'head -c 300000 /dev/zero; echo up; exit 0' ALRM;"
    " sleep 1000 & echo armed; wait"
)


@pytest.fixture(autouse=True)
def parked_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few instances suffice then for the tests."""
    monkeypatch.setattr("pytest_unikernel.launch.process.children.CROWD", 0)


def obedient(**changes: Any) -> Target:
    """Return a target whose instances obey a signal; ``sleep`` holds their pipe open."""
    return shell(OBEDIENT)(ready=Line("up"), **changes)


def start_armed(supervisor: ProcessSupervisor, count: int = MANY) -> list[Child]:
    """Start instances, each when the one before listens to signals."""
    children = []
    for _ in range(count):
        supervisor.start(supervisor.log.add(supervisor.now_ns()))
        *_, child = supervisor._children
        end_ns = supervisor.now_ns() + 10 * S
        while b"armed" not in child.tail:
            assert supervisor.wait(supervisor.now_ns() + S // 1000) < end_ns
        children.append(child)
    return children


def start_sleepers(supervisor: ProcessSupervisor, count: int = MANY) -> list[int]:
    rows = [supervisor.log.add(supervisor.now_ns()) for _ in range(count)]
    for row in rows:
        supervisor.start(row)
    return rows


def parked(supervisor: ProcessSupervisor) -> int:
    return sum(child.pidfd >= FIRST_KEY for child in supervisor._children)


def wait_for_all(supervisor: ProcessSupervisor) -> None:
    end_ns = supervisor.now_ns() + 20 * S
    while supervisor.in_flight:
        assert supervisor.wait(end_ns) < end_ns, "an instance didn't end"


def outcomes(supervisor: ProcessSupervisor, children: list[Child]) -> set[Outcome]:
    return {Outcome(supervisor.log.outcome[child.index]) for child in children}


def test_of_three_hundred_none_is_mistaken_for_another(session: Session) -> None:
    """They end in any order and way, some print first; each has its own status and stamp."""
    chance = random.Random(42)  # noqa: S311 - the same order each time
    status_of = {signal.SIGUSR1: 0, signal.SIGALRM: 0, signal.SIGUSR2: 3, signal.SIGKILL: -9}
    with supervised(session, obedient(), timeout_s=60) as supervisor:
        before = len(descriptors())
        children = start_armed(supervisor, 300)
        assert supervisor.in_flight == 300
        assert parked(supervisor) >= 300 - 4 * BATCH
        assert len(descriptors()) - before <= 2 * 4 * BATCH + 300 // BATCH
        told = {}
        for child in chance.sample(children, 300):
            number = chance.choice(list(status_of))
            told[child.index] = number, supervisor.now_ns()
            os.kill(child.pid, number)
            if chance.random() < 0.5:
                supervisor.wait(supervisor.now_ns())
        wait_for_all(supervisor)
        log = supervisor.log
        for row, (number, told_ns) in told.items():
            assert log.status[row] == status_of[number]
            assert (log.outcome[row] == Outcome.COMPLETED) == (status_of[number] == 0)
            assert log.exited_ns[row] >= told_ns
            assert (log.ready_ns[row] >= told_ns) == (status_of[number] == 0)
        assert len(descriptors()) == before


def test_a_parked_server_that_is_ready_late_completes_and_is_stopped(session: Session) -> None:
    server = shell("trap 'echo up' USR1; sleep 1000 & echo armed; wait; wait")
    with supervised(session, server(ready=Line("up"), long_lived=True)) as supervisor:
        children = start_armed(supervisor)
        assert parked(supervisor)
        for child in reversed(children):
            os.kill(child.pid, signal.SIGUSR1)
        wait_for_all(supervisor)
        assert outcomes(supervisor, children) == {Outcome.COMPLETED}


def test_one_that_prints_much_while_parked_is_read_to_the_end(session: Session) -> None:
    with supervised(session, obedient()) as supervisor:
        first = start_armed(supervisor)[0]
        assert first.pipe >= FIRST_KEY
        os.kill(first.pid, signal.SIGALRM)
        while supervisor.in_flight == MANY:
            supervisor.wait(supervisor.now_ns() + S)
        assert first.tail.endswith(b"\0up\n")
        assert outcomes(supervisor, [first]) == {Outcome.COMPLETED}


def test_what_the_kernel_refuses_to_park_is_watched_as_before(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ETOOMANYREFS, "Too many references: cannot splice")

    monkeypatch.setattr(socket, "send_fds", refuse)
    with supervised(session, obedient()) as supervisor:
        children = start_armed(supervisor)
        assert parked(supervisor) == 0
        for child in children:
            os.kill(child.pid, signal.SIGUSR1)
        wait_for_all(supervisor)
        assert outcomes(supervisor, children) == {Outcome.COMPLETED}


def test_parked_instances_are_ended_with_all_others(session: Session) -> None:
    with supervised(session, shell("exec sleep 1000")) as supervisor:
        rows = start_sleepers(supervisor)
        assert parked(supervisor)
        supervisor.end_all(Outcome.KILLED)
        wait_for_all(supervisor)
        assert {supervisor.log.outcome[row] for row in rows} == {Outcome.KILLED}


def test_parked_instances_time_out(session: Session) -> None:
    with supervised(session, shell("exec sleep 1000"), timeout_s=1.0) as supervisor:
        rows = start_sleepers(supervisor)
        assert parked(supervisor)
        wait_for_all(supervisor)
        assert {supervisor.log.outcome[row] for row in rows} == {Outcome.TIMEOUT}


def test_nothing_is_left_open_when_closed_with_instances_parked(session: Session) -> None:
    before = descriptors()
    with supervised(session, shell("exec sleep 1000")) as supervisor:
        start_sleepers(supervisor)
        assert parked(supervisor)
    assert descriptors() == before


def test_an_exit_that_was_told_before_it_can_be_seen_is_not_lost(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_exited, asked = Child.has_exited, set()

    def late(child: Child) -> bool:
        first_time = child.pid not in asked
        asked.add(child.pid)
        return not first_time and has_exited(child)

    monkeypatch.setattr(Child, "has_exited", late)
    with supervised(session, obedient()) as supervisor:
        children = start_armed(supervisor)
        assert parked(supervisor)
        for child in children:
            os.kill(child.pid, signal.SIGUSR1)
        wait_for_all(supervisor)
        assert outcomes(supervisor, children) == {Outcome.COMPLETED}
