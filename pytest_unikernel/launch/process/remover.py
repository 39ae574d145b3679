"""Removes leftovers of ended instances with a daemon: in the background, one call at a time for all."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections import deque

from pytest_unikernel.launch.event_loop import EventLoop
from pytest_unikernel.launch.process.child import Child
from pytest_unikernel.launch.process.posix_spawn import Strings, strings
from pytest_unikernel.launch.process.spawn import Spawner, environment_of
from pytest_unikernel.plan.target import Target

MANY = "{ids}"
# A call is worth its price for a few at least, and must not keep the daemon from everything else for long.
MOST = 16


class Remover:
    """Calls a target's ``removal`` for instances that have ended.

    A call that fails is no failure of the load: the container may be gone already, and the target's
    ``leftovers`` come after it.
    """

    def __init__(self, target: Target, token: str, spawner: Spawner, loop: EventLoop[Child]) -> None:
        program, *rest = target.removal
        self._template = (shutil.which(program) or program, *rest)
        self._most = MOST if MANY in self._template else 1
        self._environment = environment_of(token)
        self._spawner = spawner
        self._loop = loop
        self._waiting: deque[str] = deque()
        self._removed = 0
        self._pid = self._pidfd = -1

    @property
    def pending(self) -> int:
        """The number of ended instances that have not been removed yet."""
        return len(self._waiting) + self._removed

    @property
    def pids(self) -> set[int]:
        """The process at work, whose exit status is ours to take."""
        return {self._pid} - {-1}

    def add(self, instance_id: str) -> None:
        """Have an instance removed."""
        self._waiting.append(instance_id)
        if self._pid < 0:
            self._next()

    def _next(self) -> None:
        ids = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        self._removed = len(ids)
        if not ids:
            return
        try:
            self._pid = self._spawner.spawn(self._argv(ids), self._environment, self._spawner.nowhere)
        except OSError:  # no process to be had now: ``leftovers`` come later
            self._removed = 0
            return
        self._pidfd = os.pidfd_open(self._pid)
        self._loop.watch(self._pidfd, self._on_exit)

    def _argv(self, ids: list[str]) -> Strings:
        argv: list[str] = []
        for part in self._template:
            argv += ids if part == MANY else [part.replace("{id}", ids[0])]
        return strings([*map(os.fsencode, argv)])

    def _on_exit(self, _now_ns: int) -> None:
        with contextlib.suppress(ChildProcessError):  # other code has reaped it
            if os.waitpid(self._pid, os.WNOHANG)[0] == 0:  # a pidfd may be readable before that
                return
        self._let_go()
        self._next()

    def _let_go(self) -> None:
        self._loop.unwatch(self._pidfd)
        os.close(self._pidfd)
        self._pid = self._pidfd = -1
        self._removed = 0

    def close(self) -> None:
        """End the call at work and forget the rest: ``leftovers`` are for that."""
        self._waiting.clear()
        if self._pid >= 0:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
                os.waitpid(self._pid, 0)
            self._let_go()
