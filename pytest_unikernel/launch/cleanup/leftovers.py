"""Leftovers of instances: adopted zombies, and processes that escaped their group.

A process is ours if its environment holds the session's token: a ``setsid`` grandchild escapes
killpg, not this. Nothing is ever found by name.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Container, Iterator
from pathlib import Path

from pytest_unikernel.clock import monotonic_ns, sleep_s
from pytest_unikernel.launch.cleanup.reaper import TOKEN_KEY, holds

SWEEP_S = 2.0
PAUSE_S = 0.001
ENDING_NS = 1_000_000_000  # from the kill, or the end of a container, to the zombie; on a busy host it takes
PROC = Path("/proc")
ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT


def any_child_has_ended() -> bool:
    """Return whether some child of this process is a zombie, with one call instead of one per child."""
    try:
        return os.waitid(os.P_ALL, 0, ENDED) is not None
    except ChildProcessError:  # there is none
        return False


def children() -> set[int]:
    """Return the pids of this process's children, zombies included."""
    pids: set[int] = set()
    for task in PROC.glob("self/task/*/children"):
        with contextlib.suppress(OSError):
            pids.update(map(int, task.read_text().split()))
    return pids


class Adopted:
    """Orphans that became our children because a load runs as their subreaper."""

    def __init__(self) -> None:
        self._before = children()

    def reap(self, known: Container[int] = ()) -> None:
        """Reap adopted zombies; never a child that other code of this process may wait for.

        Those are the children from before the load, and any that is in our own process group.
        """
        if not any_child_has_ended():
            return
        for pid in self._adopted(known):
            if _look_at(pid)[0] == "Z":
                _reap(pid)

    def clear(self, token: str, *, are_ending: bool = False) -> None:
        """Kill processes that still hold the token and leave no zombie; for the end of a load. Bounded.

        Args:
            token: the session's.
            are_ending: the remaining processes will end by themselves, as a removed container's helpers do.
        """
        sweep(token)
        self.reap()
        end_ns = monotonic_ns() + ENDING_NS
        while (left := self._adopted()) and monotonic_ns() < end_ns:
            if not (are_ending or any(map(_is_dying, left))):
                break
            sleep_s(PAUSE_S)
            self.reap()

    def _adopted(self, known: Container[int] = ()) -> list[int]:
        own_group = os.getpgrp()
        new = (pid for pid in children() if pid not in known and pid not in self._before)
        return [pid for pid in new if _look_at(pid)[1] not in (0, own_group)]


def _look_at(pid: int) -> tuple[str, int]:
    """Return a process's state and group, or nothing and 0. Source: proc_pid_stat(5)."""
    try:
        state, _, group = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return "", 0
    return state, int(group)


def _is_dying(pid: int) -> bool:
    """Return whether a process has let go of its memory, so that it is a zombie or about to be one.

    Its environment is then empty; from Linux 6.16 or so it can't be read.
    """
    try:
        return not (PROC / str(pid) / "environ").read_bytes()
    except ProcessLookupError:
        return True
    except OSError:
        return False


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def holders(token: str) -> Iterator[int]:
    """Yield the pids of all processes whose environment holds the session's token."""
    setting = TOKEN_KEY + token.encode()
    for name in os.listdir(PROC):  # noqa: PTH208 - a Path for each process of the host takes longer than the look
        if name.isdigit() and holds(int(name), setting):
            yield int(name)


def sweep(token: str, bound_s: float = SWEEP_S) -> list[int]:
    """Kill and reap whatever still holds the token, until nothing does; return who was killed.

    Bounded: something that forks faster than we kill, or hangs in the kernel, is left to the reaper.
    """
    killed: set[int] = set()
    end_ns = monotonic_ns() + int(bound_s * 1e9)
    while (found := list(holders(token))) and monotonic_ns() < end_ns:
        dying = {pid: pidfd for pid in found if (pidfd := _kill_holder(pid, token)) >= 0}
        _see_off(dying, end_ns)
        killed.update(dying)
        if not dying:
            sleep_s(PAUSE_S)
    return sorted(killed)


def _kill_holder(pid: int, token: str) -> int:
    """Kill the process by pidfd, after a second look: the pid may be somebody else's by now.

    Returns:
        Its pidfd, or -1 if there was nothing to kill or it can't be killed.
    """
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return -1
    with contextlib.suppress(OSError):
        if holds(pid, TOKEN_KEY + token.encode()):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            return pidfd
    os.close(pidfd)
    return -1


def _see_off(dying: dict[int, int], end_ns: int) -> None:
    """Wait until all have ended, or the instant has come; reap those that we adopted."""
    for pid, pidfd in dying.items():
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll(max(0, (end_ns - monotonic_ns()) // 1_000_000))
        os.close(pidfd)
        _reap(pid)
