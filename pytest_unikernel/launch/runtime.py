"""The runtime of one load: the instances' directory, the reaper's table, the conditions of launches."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pytest_unikernel.clock import unix_ns
from pytest_unikernel.launch.output import Sink
from pytest_unikernel.plan.load_plan import LaunchConditions


class PidTable(Protocol):
    """The table of pids in flight, kept for the reaper."""

    def enter(self, pid: int, started_ns: int, spawn_ns: int) -> int:
        """Write down a pid and return its slot."""

    def leave(self, slot: int) -> None:
        """Free the slot."""


class NoPidTable:
    """A table without a reader, for tests of a supervisor alone."""

    def enter(self, pid: int, started_ns: int, spawn_ns: int) -> int:
        """Return a slot that means nothing."""
        del pid, started_ns, spawn_ns
        return -1

    def leave(self, slot: int) -> None:
        """Do nothing."""


@dataclass
class Runtime:
    """The surroundings of a load.

    Attributes:
        token: the session's secret-free, unique token; in every instance's UNIKERNEL_SESSION.
        directory: private (0700) directory for instances; removed by the session.
        table: the reaper's table of pids.
        realtime: whether the generator runs as SCHED_FIFO, so that children must be set back.
        child_nofile: soft and hard RLIMIT_NOFILE to give back to children, where ours was raised.
        ahead_ns: how long before a deadline the loop wakes up, to look again and again until it comes:
            waking an idle CPU takes up to half a millisecond, which would be the launch's lateness. Where no
            instance takes less than a hundred times that, it sleeps instead.
        conditions: the plan's conditions: CPUs, where outputs go, which of them are kept.
        label: prefix of the output files' names.
    """

    token: str
    directory: Path
    table: PidTable = field(default_factory=NoPidTable)
    realtime: bool = False
    ahead_ns: int = 0
    child_nofile: tuple[int, int] | None = None
    conditions: LaunchConditions = field(default_factory=LaunchConditions)
    label: str = ""

    def sink(self, instance_id: str) -> Sink | None:
        """Return a new file for an instance's output, where output is kept.

        Raises:
            LoadError: the file can't be made.
        """
        if self.conditions.output is None:
            return None
        path = self.conditions.output / f"{self.label}-{instance_id}.output"
        return Sink(path, self.label, unix_ns())
