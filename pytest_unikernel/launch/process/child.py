"""A running instance, for the supervisor: a pid, a pidfd, an output pipe."""

from __future__ import annotations

import os
import signal

from pytest_unikernel.errors import LoadError
from pytest_unikernel.launch.in_flight import InFlight
from pytest_unikernel.plan.target_fields import Instance
from pytest_unikernel.results.launches import LaunchLog

READ_BYTES = 1 << 16
OBSERVE = os.WEXITED | os.WNOHANG | os.WNOWAIT
DRAIN_READS = 16  # a grandchild that goes on printing must not hold up the loop


def open_pidfd(pid: int) -> int:
    """Return the pidfd of a child just started; without a pidfd the child is ended again.

    Raises:
        OSError: no descriptor is left (EMFILE, ENFILE).
    """
    try:
        return os.pidfd_open(pid)
    except OSError:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


class Child(InFlight):
    """The first process of an instance and its process group (pgid = pid).

    Attributes:
        slot: its place in the reaper's table.
        limit_ns: when its time is up.
        is_drained: the end of its output was seen.
        has_printed: since that was last asked.
        pidfd: a descriptor; a key of Parking while it is parked; -1 once the child is forgotten.
        pipe: a descriptor or a key likewise; -1 if the output isn't ours.
    """

    __slots__ = ("has_printed", "is_drained", "limit_ns", "pid", "pidfd", "pipe", "slot")

    def __init__(self, index: int, log: LaunchLog, instance: Instance, pid: int, pidfd: int) -> None:
        super().__init__(index, log, instance)
        self.pid = pid
        self.pidfd = pidfd
        self.pipe = -1
        self.slot = -1
        self.limit_ns = 0
        self.is_drained = self.has_printed = False

    def drain(self) -> bool:
        """Read the pipe; return False if there may be more. Never waits for the pipe's end."""
        for _ in range(DRAIN_READS):
            try:
                data = os.read(self.pipe, READ_BYTES)
            except BlockingIOError:
                return True
            if not data:
                return True
            self.has_printed = True
            self.take(data)
        return False

    def has_exited(self) -> bool:
        """Return whether the exit can be observed; a pidfd may be readable before that.

        Raises:
            LoadError: other code of this process has reaped it; its status is lost.

        Source: pidfd_open(2); before Linux 6.15 a pidfd was also readable when only the thread-group
        leader had ended.
        """
        try:
            return os.waitid(os.P_PID, self.pid, OBSERVE) is not None
        except ChildProcessError as error:
            raise LoadError(
                f"instance {self.instance.id} (pid {self.pid}) was reaped by other code of this process; "
                "look for os.wait() or waitpid(-1) in a thread, and keep it from running during a load"
            ) from error

    def signal_group(self, number: int) -> None:
        """Signal the process group; safe until the leader is reaped, for its pid can't be reused.

        A group in which every process has become another user's (``sudo``) is out of our reach.
        """
        try:  # noqa: SIM105 - contextlib.suppress costs more, and this is the hot path
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass
