"""A supervisor's use of observed service times: whether it stays awake ahead of a deadline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from polls import Polls

from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.real_supervisor import SLOW_NS
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.target import Target

AHEAD_NS = 10_000_000_000  # longer than any wait of these tests: whoever looks ahead does so at once
WAIT_NS = 200_000_000


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[ProcessSupervisor]:
    runtime = Runtime("0" * 32, tmp_path, ahead_ns=AHEAD_NS)
    made = ProcessSupervisor(Target("never-started", ["/bin/true"]), runtime, 60)
    made.wait(made.now_ns())  # what is due at the beginning
    yield made
    made.close()


def complete(supervisor: ProcessSupervisor, service_ns: int) -> None:
    index = supervisor.log.add(0)
    supervisor.log.started_ns[index], supervisor.log.ready_ns[index] = 5, 5 + service_ns
    supervisor._complete(index)


@pytest.mark.parametrize(
    ("services_ns", "timeouts"),
    [
        ((), {0}),
        ((SLOW_NS - 1,), {0}),
        ((SLOW_NS,), {-1}),
        ((2 * SLOW_NS, SLOW_NS), {-1}),
        ((9 * SLOW_NS, SLOW_NS - 1, 9 * SLOW_NS), {0}),
    ],
)
def test_a_deadline_is_looked_for_ahead_only_while_instances_are_fast(
    supervisor: ProcessSupervisor, services_ns: tuple[int, ...], timeouts: set[int]
) -> None:
    for service_ns in services_ns:
        complete(supervisor, service_ns)
    polls = supervisor._loop.epoll = Polls(supervisor._loop.epoll)  # type: ignore[assignment]
    until_ns = supervisor.now_ns() + WAIT_NS
    while supervisor.wait(until_ns) < until_ns:
        pass
    assert polls.timeouts == timeouts
