"""The end of a load: end the instances in flight and wait, bounded, until they are gone."""

from __future__ import annotations

from pytest_unikernel.launch.supervisor import Supervisor
from pytest_unikernel.plan.outcome import Outcome

FAREWELL_NS = 5_000_000_000  # how long killed instances may take to be gone
REMOVALS_NS = 60_000_000_000  # and how long removing them may take; the session removes the rest


def end_everything(supervisor: Supervisor) -> None:
    """End the instances in flight, as unfinished, and wait until they are gone and removed, within bounds."""
    now_ns = supervisor.now_ns()
    if supervisor.in_flight:
        supervisor.end_all(Outcome.UNFINISHED)
        bound_ns = now_ns + FAREWELL_NS
        while supervisor.in_flight and now_ns < bound_ns:
            now_ns = supervisor.wait(bound_ns)
    bound_ns = now_ns + REMOVALS_NS
    while supervisor.removing and now_ns < bound_ns:
        now_ns = supervisor.wait(bound_ns)
