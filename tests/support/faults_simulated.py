"""Faults of simulated instances: their verdicts are known beforehand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from faults import Fault

from pytest_unikernel.testing import FakeTarget

STEP = Fraction(1, 100)


def simulated(
    kind: str, expected: str, words: str = "", *, step: Fraction | None = STEP, **fields: Any
) -> Fault:
    """Return the fault of a load of simulated instances, at 100 launches a second."""
    more = {"timeout_s": fields.pop("within_s")} if "within_s" in fields else {}
    return Fault(kind, "FakeTarget", lambda _: FakeTarget(**fields), expected, words, step=step, **more)


ROWS = (
    simulated("nothing completes", "failing", fail_every=1),
    simulated("every fifth fails", "failing", fail_every=5, fail_as="signal"),
    simulated("slower than it is offered", "saturated", service_time_s=0.05, servers=1),
    simulated("every start keeps the generator", "generator-bound", spawn_s=0.05),
    simulated("a start stalls", "generator-bound", spawn_stall=(0.05, 0.1)),
    simulated("the servers stall", "saturated", servers=1, stall=(0.05, 5.0)),
    simulated("can't be started", "spawn-error", step=None, fail_every=1, fail_as="spawn-error"),
    simulated("never exits", "timeout", step=None, never_exits_every=1, within_s=1.0),
)
