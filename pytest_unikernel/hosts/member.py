"""What a worker does: it starts the process of its host and passes frames on, in the worker's event loop.

Every function is called there by its name, by ``Client.run``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.hosts import frames, live
from pytest_unikernel.hosts.frames import HEAD, Frame, packed

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1));"
    "from pytest_unikernel.hosts.process import main; main()"
)
GONE = b"x"  # the process has ended; the body says how
PATIENCE_S = 15.0  # for the process to end its instances and itself
LAST_BYTES = 500  # of its errors
STOPPED = ("T", "t")  # Source: proc_pid_stat(5)


class Member:
    """The process of one run on this host."""

    def __init__(self, process: asyncio.subprocess.Process, errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    async def tell(self, frame: Frame) -> None:
        """Pass a frame on; a process that has ended is reported by the next reply."""
        assert self._process.stdin is not None  # noqa: S101 - we asked for a pipe
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(packed(frame))
            await self._process.stdin.drain()

    async def reply(self) -> tuple[bytes, bytes]:
        """Return the next frame's kind and body."""
        assert self._process.stdout is not None  # noqa: S101 - we asked for a pipe
        try:
            kind, value = HEAD.unpack(await self._process.stdout.readexactly(HEAD.size))
            body = await self._process.stdout.readexactly(value) if kind in frames.WITH_BODY else b""
        except asyncio.IncompleteReadError:
            return GONE, (await self._how_it_ended()).encode()
        return kind, body

    async def _how_it_ended(self) -> str:
        status = await self._process.wait()
        self._errors.seek(0)
        last = self._errors.read()[-LAST_BYTES:].decode(errors="replace").strip().splitlines()[-1:]
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return ": ".join([f"the process that makes its launches ended with {how}", *last])

    def is_stopped(self) -> bool:
        """Return whether a signal has stopped the process: it neither launches nor ends then."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            return False
        return stat.rpartition(") ")[2][:1] in STOPPED

    async def kill(self) -> None:
        """Kill the process, whatever it does: its reaper does the rest."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def leave(self) -> None:
        """Have the process end; kill it if it stays."""
        await self.tell(Frame(frames.LEAVE))
        try:
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)
        except asyncio.TimeoutError:
            await self.kill()
        self._errors.close()


_members: dict[str, Member] = {}


async def enlist(token: str, path: Sequence[str], ours: bool) -> tuple[bytes, bytes]:
    """Start the process of a run on this host; return its first frame.

    Args:
        token: the run's; names the process in further calls.
        path: directories to import from, after the worker's own.
        ours: the worker is a child of pytest, which alone handles Ctrl-C.
    """
    if ours and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    whole_path = [*sys.path, *(each for each in path if each not in sys.path)]
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has left
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, json.dumps(whole_path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
        env={key: value for key, value in os.environ.items() if key != "UNIKERNEL_SESSION"},
    )
    _members[token] = Member(process, errors)
    return await _members[token].reply()


async def tell(token: str, kind: bytes, value: int = 0, body: bytes = b"") -> None:
    """Pass a frame on to the process of a run."""
    await _members[token].tell(Frame(kind, value, body))


async def renew(token: str, path: str) -> tuple[bool, tuple[float, ...]]:
    """Pass a renewal of the lease on; return whether the process is stopped, and how far its load has come.

    Args:
        token: the run's.
        path: the file with the process's progress.
    """
    await _members[token].tell(Frame(frames.RENEW))
    return _members[token].is_stopped(), tuple(live.seen(path))


async def reply(token: str) -> tuple[bytes, bytes]:
    """Return the next frame of the process of a run."""
    return await _members[token].reply()


async def dismiss(token: str) -> None:
    """End the process of a run."""
    member = _members.pop(token, None)
    if member is not None:
        await member.leave()


async def kill(token: str) -> None:
    """Kill the process of a run."""
    member = _members.pop(token, None)
    if member is not None:
        await member.kill()


async def clock_ns() -> int:
    """Return this host's CLOCK_MONOTONIC."""  # async, so that it does not wait for a thread
    return monotonic_ns()
