"""Asks a program and never waits longer than was said, whatever its children hold open."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

MOST_BYTES = 16 << 20  # of an answer; more is cut off


class Answer(NamedTuple):
    """The end of a program: its status, and what it wrote."""

    status: int
    out: bytes
    error: bytes


def ask(
    *argv: str,
    within_s: float,
    given: bytes = b"",
    both: bool = False,
    environment: Mapping[str, str] | None = None,
    directory: str | None = None,
) -> Answer:
    """Run a program to its end, or to the end of its time; its process group is then killed.

    Its output goes to files: the end of a pipe comes only when the last child that holds it has gone.

    Args:
        argv: the program, in a session of its own.
        within_s: how long it may take.
        given: its input.
        both: whether its errors are in its output.
        environment: its environment; by default this process's.
        directory: its working directory; by default this process's.

    Raises:
        OSError: it can't be started.
        subprocess.TimeoutExpired: it did not end in time.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error, tempfile.TemporaryFile() as told:
        told.write(given)
        told.seek(0)
        process = subprocess.Popen(
            argv,
            env=environment,
            cwd=directory,
            stdin=told,
            stdout=out,
            stderr=out if both else error,
            start_new_session=True,
        )
        try:
            _wait(process, within_s)
        finally:
            if process.poll() is None:  # Ctrl-C ends up here too
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        out.seek(0)
        error.seek(0)
        return Answer(process.returncode, out.read(MOST_BYTES), error.read(MOST_BYTES))


def _wait(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Wait for the end of a program, which ``Popen.wait`` looks for at ever longer intervals.

    Raises:
        subprocess.TimeoutExpired: it did not end in time.
    """
    try:
        pidfd = os.pidfd_open(process.pid)
    except OSError:  # a seccomp profile refuses it
        process.wait(within_s)
        return
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        ended = poll.poll(within_s * 1000)
    finally:
        os.close(pidfd)
    if not ended:
        raise subprocess.TimeoutExpired(process.args, within_s)
    process.wait()
