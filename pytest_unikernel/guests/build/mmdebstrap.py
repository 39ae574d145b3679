"""Runs mmdebstrap so that neither its processes nor its mounts outlive the call, or us.

As root it mounts /proc, /sys and the host's own /dev/shm in the tree that it fills, and takes them away at
its end: if it were killed before, removing the tree would empty the host's directories. So it gets
namespaces of mounts and processes of its own; the kernel ends them with their first process, which ends
with us.

A plain user's mmdebstrap mounts in a user namespace, which goes with it, and removes files that aren't the
user's: it is asked to end. Source: unshare(1), setpriv(1), mount_namespaces(7), pid_namespaces(7).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import BuildError

PROGRAM, INSTALL = "mmdebstrap", "apt-get install mmdebstrap"
CAP_SYS_ADMIN = 21  # Source: <linux/capability.h>; mounting needs it
ALONE = (
    "unshare",
    "--mount",
    "--propagation=private",
    "--pid",
    "--fork",
    "--kill-child=KILL",
    "--mount-proc",
)
TAIL_LINES = 15
GRACE_S = 20.0
LOOK_S = 0.1


class Ended(NamedTuple):
    """The end of a run: its status, and its last lines that were not reported."""

    status: int
    tail: list[str]


def run(
    arguments: Sequence[str], work: Path, tell: Callable[[str], None], *, limit_s: float | None = None
) -> Ended:
    """Run mmdebstrap; when this returns or raises, all of its processes have ended and its mounts are undone.

    Args:
        arguments: its own.
        work: a directory of the caller's, who removes it; as root, mmdebstrap's own files are there too.
        tell: called with each line of progress.
        limit_s: it is ended after that time.

    Raises:
        BuildError: there is no mmdebstrap, or no util-linux; it did not end within the limit.
    """
    program = _found(PROGRAM, INSTALL)
    setpriv = _found("setpriv", "apt-get install util-linux")
    alone = _may_mount()
    argv = [setpriv, "--pdeathsig", "KILL" if alone else "TERM", *(ALONE if alone else ())]
    with (
        subprocess.Popen(
            [*argv, program, *arguments],
            env=_environment(work if alone else None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for us: we end it
        ) as process,
        _ended_with_us(process, _kill if alone else _ask_to_end, limit_s),
    ):
        tail = _followed(process.stdout or (), tell)
    return Ended(process.returncode, tail)


def _found(program: str, install: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise BuildError(f"no {program} on PATH; {install}")
    return found


def _environment(place: Path | None) -> dict[str, str]:
    """Return the environment, with the directories that Debian leaves out of users' PATH, and our TMPDIR.

    It has none to itself where it isn't killed: its other users couldn't look into a private one.
    """
    added = {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    return {**os.environ, **added, **({} if place is None else {"TMPDIR": str(place)})}


def _may_mount() -> bool:
    """Return whether mmdebstrap would mount among the host's own file systems: as a root that may."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    effective = status.partition("CapEff:")[2].split()[0]
    return os.geteuid() == 0 and bool(int(effective, 16) >> CAP_SYS_ADMIN & 1)


def _followed(lines: Iterator[str] | Sequence[str], tell: Callable[[str], None]) -> list[str]:
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    for line in lines:
        if line.startswith("I: "):
            tell(line[3:].rstrip())
        elif line.strip():
            tail.append(line.rstrip())
    return list(tail)


_End = Callable[["subprocess.Popen[str]"], None]


@contextmanager
def _ended_with_us(process: subprocess.Popen[str], end: _End, limit_s: float | None) -> Iterator[None]:
    """End the program if the block is left by an exception, or isn't left within the limit."""
    late = threading.Event()

    def end_it() -> None:
        late.set()
        end(process)

    timer = threading.Timer(limit_s or 0.0, end_it)
    if limit_s is not None:
        timer.start()
    try:
        yield
    except BaseException:
        end(process)
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise BuildError(f"{PROGRAM} did not end within {limit_s:g} s")


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill the namespace's first process; unshare ends when the kernel has ended the others, and the mounts.

    Source: pid_namespaces(7).
    """
    while process.poll() is None:
        for pid in _children(process.pid) or [process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _ask_to_end(process: subprocess.Popen[str]) -> None:
    """Let it remove its files."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
            return
