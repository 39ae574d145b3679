"""posix_spawn with clean signals, an own process group and the generator's privileges given back."""

from __future__ import annotations

import os
import resource
import signal

from pytest_unikernel.launch.process import posix_spawn
from pytest_unikernel.launch.process.posix_spawn import Opaque, Strings, strings
from pytest_unikernel.launch.runtime import Runtime

INHERITED = -1
ORDINARY = os.sched_param(0)
# Were the flag taken away with the priority, a fork at that instant could copy the one without the other.
ORDINARY_POLICY = os.SCHED_OTHER | os.SCHED_RESET_ON_FORK


class Spawner:
    """Starts processes.

    Attributes:
        nowhere: /dev/null, which is their stdin and may be their output.
    """

    def __init__(self, runtime: Runtime, directory: str | None = None) -> None:
        self._runtime = runtime
        self._directory = directory
        priority = os.sched_getparam(0).sched_priority if runtime.realtime else None
        self._attributes = posix_spawn.attributes(ignored_signals(), priority)
        self.nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._actions: dict[int, Opaque] = {}
        self._cpus = runtime.conditions.cpus
        self._plain = not runtime.realtime and runtime.child_nofile is None and self._cpus is None

    def spawn(self, argv: Strings, environment: Strings, write_end: int) -> int:
        """Start the program with its output going to ``write_end``, or with our stdio; return its pid.

        Raises:
            OSError: the kernel refused (ENOENT, EACCES, EAGAIN, ENOMEM ...).
        """
        actions = self._actions.get(write_end)
        if actions is None:  # descriptor numbers come back: the actions for one are made once
            actions = self._actions[write_end] = self._actions_for(write_end)
        pid = posix_spawn.spawn(argv, environment, actions, self._attributes)
        if not self._plain:
            self._give_back(pid)
        return pid

    def _actions_for(self, write_end: int) -> Opaque:
        if write_end == INHERITED:
            return posix_spawn.file_actions((), self._directory)
        return posix_spawn.file_actions(((self.nowhere, 0), (write_end, 1), (write_end, 2)), self._directory)

    def _give_back(self, pid: int) -> None:
        """Undo for the child the generator's own priority, CPUs and limits.

        After posix_spawn and not in it: until its exec the child runs on the generator's memory, and
        as SCHED_OTHER it would wait for a CPU behind the load while the generator waits for it.
        """
        runtime = self._runtime
        try:
            if runtime.realtime:
                os.sched_setscheduler(pid, ORDINARY_POLICY, ORDINARY)
            if self._cpus is not None:
                os.sched_setaffinity(pid, self._cpus)
            if runtime.child_nofile is not None:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, runtime.child_nofile)
        except OSError:  # it has ended, or is set-user-id
            pass

    def close(self) -> None:
        """Close /dev/null."""
        os.close(self.nowhere)


def environment_of(token: str) -> Strings:
    """Return our own environment with the session's token, for a process that is ours and no instance."""
    merged = {**os.environ, "UNIKERNEL_SESSION": token}
    return strings([os.fsencode(f"{key}={value}") for key, value in merged.items()])


def ignored_signals() -> tuple[int, ...]:
    """Return the signals that this process ignores: SIGPIPE and SIGXFSZ in any Python, SIGHUP under nohup.

    An exec resets handled signals, but instances would inherit ignored ones.
    Source: signal(7), execve(2).
    """
    return tuple(number for number in signal.valid_signals() if signal.getsignal(number) == signal.SIG_IGN)
