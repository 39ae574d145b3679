"""The helper processes of a run: each in a session of its own, with a pipe to it and no output of ours."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.errors import SessionError

PATIENCE_S = 0.5
FIRST = 3  # a helper finds its pidfd of pytest, its pipe and further descriptors from here on
APART = 64  # copies are made above the descriptors that are overwritten


class HelperProcess:
    """A helper that ends with this process, or at its request.

    Attributes:
        pid: its pid, which is also its process group.
        started_ns: the instant of CLOCK_MONOTONIC before its start.
    """

    def __init__(
        self, name: str, program: list[str], arguments: list[str], given: tuple[int, ...] = ()
    ) -> None:
        with contextlib.ExitStack() as stack:
            read_end, self._pipe = os.pipe()
            stack.callback(os.close, read_end)
            kept = stack.enter_context(contextlib.ExitStack())
            kept.callback(os.close, self._pipe)
            own_pidfd = os.pidfd_open(os.getpid())
            stack.callback(os.close, own_pidfd)
            self.started_ns = monotonic_ns()
            try:
                argv = [sys.executable, "-I", *program, str(FIRST), str(FIRST + 1), *arguments]
                self.pid = _spawn(argv, (own_pidfd, read_end, *given))
            except OSError as error:
                raise SessionError(f"can't start the {name} ({sys.executable}): {error.strerror}") from error
            self._pidfd = os.pidfd_open(self.pid)
            kept.pop_all()
        os.set_blocking(self._pipe, False)

    def tell(self, command: dict[str, object]) -> None:
        """Send a command; a helper that is gone or stopped is no reason to fail a load."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self._pipe, json.dumps(command).encode() + b"\n")

    def lives(self, within_s: float = 0.0) -> bool:
        """Return whether the helper still runs, after having been given the time to end."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return not poll.poll(within_s * 1000)

    def close(self, *, goodbye: bool = False) -> None:
        """Close the pipe, after a goodbye where one is expected, and reap the helper; kill it if it stays."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            if goodbye:
                os.write(self._pipe, b"!")
        os.close(self._pipe)
        if self.lives(PATIENCE_S):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self.lives(PATIENCE_S)
        os.close(self._pidfd)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


def _spawn(argv: list[str], given: tuple[int, ...]) -> int:
    """Start a helper; it gets the descriptors from ``FIRST`` on, in their order."""
    # A helper is no instance: where pytest itself is one, the clean-up of that session must leave it to us.
    environment = {key: value for key, value in os.environ.items() if key != "UNIKERNEL_SESSION"}
    with contextlib.ExitStack() as stack:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        stack.callback(os.close, null)
        copies = [
            fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, APART) for descriptor in (null, null, null, *given)
        ]
        for copy in copies:
            stack.callback(os.close, copy)
        actions = [(os.POSIX_SPAWN_DUP2, copy, number) for number, copy in enumerate(copies)]
        return os.posix_spawn(argv[0], argv, environment, file_actions=actions, setsid=True, setsigmask=())
