"""The protocol between the load generator and the supervisors that start instances.

``process.supervisor.ProcessSupervisor`` and ``docker_api.supervisor.ApiSupervisor`` start real ones;
``simulated.FakeSupervisor`` simulates servers.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Protocol

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.launches import LaunchLog


class Supervisor(Protocol):
    """Starts instances, sees them become ready and end, and writes both into the log's rows.

    Attributes:
        log: the rows of the trial at hand.
        in_flight: instances started and not yet exited.
        completed, failed, dropped: running counts of the trial.
        longest_service_ns: the longest service time of a completed launch of the trial so far.
        turns_ns: how long each turn of the loop took to handle its events.
    """

    log: LaunchLog
    in_flight: int
    completed: int
    failed: int
    dropped: int
    longest_service_ns: int
    turns_ns: array[int]

    @property
    def removing(self) -> int:
        """The number of instances that have exited and have not been removed yet."""

    def begin_trial(self) -> None:
        """Begin with an empty log and no counts: trials are alike, none knows of the one before."""

    def now_ns(self) -> int:
        """Return the present instant of the supervisor's clock."""

    def start(self, index: int) -> None:
        """Start the launch of that row and fill in ``started_ns``; a failure goes into the row."""

    def wait(self, until_ns: int, *, or_exit: bool = True, punctual: bool = True) -> int:
        """Handle events until the instant, or until an instance has exited if ``or_exit``.

        Always looks at least once, and returns early when a watched descriptor was readable. What is
        ``punctual`` is worth being awake ahead of its time.

        Returns:
            The instant of the clock read that stamped the last events.
        """

    def end_all(self, outcome: Outcome) -> None:
        """Begin to end every instance in flight; those that have no outcome yet get this one."""

    def watch(self, descriptor: int, handler: Callable[[int], None]) -> None:
        """Call the handler with the instant whenever the descriptor is readable."""

    def close(self) -> None:
        """Release everything. Instances that can't be ended are abandoned, uncounted."""
