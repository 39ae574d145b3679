"""Shared by the tests of launches by the API of a simulated engine."""

from __future__ import annotations

from collections.abc import Callable

from fakeengine import FakeEngine

from pytest_unikernel.launch.docker_api.supervisor import ApiSupervisor
from pytest_unikernel.plan.outcome import Outcome

S = 1_000_000_000
LONG_NS = 20 * S  # never reached: the awaited event comes first
SHORT_NS = S // 10

Made = Callable[..., tuple[ApiSupervisor, FakeEngine]]


def start(asking: ApiSupervisor) -> int:
    index = asking.log.add(asking.now_ns())
    asking.start(index)
    return index


def until(asking: ApiSupervisor, condition: Callable[[], object]) -> None:
    """Run the supervisor until a condition is true, within a time limit."""
    bound_ns = asking.now_ns() + LONG_NS
    while not condition():
        assert asking.wait(asking.now_ns() + S // 100) < bound_ns, "it never came"


def run_one(asking: ApiSupervisor) -> int:
    index = start(asking)
    until(asking, lambda: not asking.in_flight)
    return index


def outcome_and_status(asking: ApiSupervisor, index: int) -> tuple[Outcome, int]:
    return Outcome(asking.log.outcome[index]), asking.log.status[index]
