"""Collects stamps while a load runs and gives them to its launches when a trial is over."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
from collections.abc import Iterator

from pytest_unikernel.clock import NS_PER_S, monotonic_ns, unix_ns
from pytest_unikernel.host.wall_clock import WallClock
from pytest_unikernel.launch.process.posix_spawn import strings
from pytest_unikernel.launch.process.spawn import Spawner, environment_of
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.launch.stamps.rows import rows_by_instance
from pytest_unikernel.plan.stamps import Stamp, Stamps
from pytest_unikernel.results.launches import LaunchLog

# The lines between two looks must find room, or the program waits: being woken for each line would cost
# the generator more than the launch itself. Source of the size: pipe(7), the most without privileges.
PIPE_BYTES = 1 << 20
READ_BYTES = 1 << 16
# An engine reports an event within milliseconds; after the last one nothing more comes.
SILENCE_MS = 100
BOUND_NS = 2 * NS_PER_S


def command_line(stamps: Stamps, token: str) -> tuple[str, ...]:
    """Return the program and its arguments for a load that begins now."""
    now_s, now_ns = divmod(unix_ns(), NS_PER_S)
    program, *rest = stamps.argv
    filled = (part.replace("{session}", token).replace("{now}", f"{now_s}.{now_ns:09}") for part in rest)
    return (shutil.which(program) or program, *filled)


class ProgramStampReader:
    """The program of a :class:`Stamps`, running for as long as a load.

    Its output waits in a pipe until :meth:`look` is called, some ten times a second.
    """

    def __init__(self, stamps: Stamps, argv: tuple[str, ...], runtime: Runtime) -> None:
        self._stamps = stamps
        self._session = runtime.token
        self._clock = WallClock()
        self._chunks: list[bytes] = []
        self._spawner = Spawner(runtime)
        self._pipe, write_end = _roomy_pipe()
        try:
            environment = environment_of(runtime.token)
            self._pid = self._spawner.spawn(strings([*map(os.fsencode, argv)]), environment, write_end)
            self._pidfd = os.pidfd_open(self._pid)
        except OSError:
            os.close(self._pipe)
            self._spawner.close()
            raise
        finally:
            os.close(write_end)

    @property
    def pid(self) -> int:
        """The program's pid."""
        return self._pid

    def _take(self) -> bool:
        """Keep new output; return whether there was any. Never waits."""
        try:
            data = os.read(self._pipe, READ_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._chunks.append(data)
        return bool(data)

    def look(self) -> None:
        """Keep new output, and note both clocks now and then."""
        for _ in range(PIPE_BYTES // READ_BYTES):
            if not self._take():
                break
        self._clock.look()

    def settle(self, log: LaunchLog) -> None:
        """Wait for the last stamps, within a bound, and write them into the launches' rows."""
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        end_ns = monotonic_ns() + BOUND_NS
        while monotonic_ns() < end_ns and poll.poll(SILENCE_MS) and self._take():
            pass
        self._clock.end()
        self._write(log)

    def _write(self, log: LaunchLog) -> None:
        rows = rows_by_instance(log, self._session)
        for stamp in self._stamps_so_far():
            row = rows.get(stamp.instance)
            if row is None:
                continue
            events = log.events.setdefault(row, {})
            events.setdefault(stamp.event, self._clock.monotonic_ns(stamp.unix_ns))
            log.wall_clock.add(stamp.event)
        log.wall_clock_moved |= self._clock.has_moved

    def _stamps_so_far(self) -> Iterator[Stamp]:
        *lines, rest = b"".join(self._chunks).split(b"\n")
        self._chunks = [rest]
        return filter(None, map(self._stamps.parse, lines))

    def close(self) -> None:
        """End the program."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # it may have been reaped as ours
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._pidfd)
        os.close(self._pipe)
        self._spawner.close()


def _roomy_pipe() -> tuple[int, int]:
    """Return a pipe whose reader never waits, with room for much where that is allowed."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    with contextlib.suppress(OSError):  # this user's pipes have too much room already, or a limit is lower
        fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return read_end, write_end
