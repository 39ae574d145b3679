"""The helper process that cleans up when pytest can't: after ``kill -9``, a crash, a lost terminal.

Run as ``python -I -S reaper.py PIDFD PIPE DIRECTORY TOKEN``. It waits until pytest is gone (its pidfd
is readable, even if our pipe is still held open) or says goodbye (a byte on the pipe); in the first case
it kills our processes, found by the table and the token, runs the registered removals, and removes
the private directory. It imports nothing of this package and nothing slow, lives in a session of its own,
ignores SIGINT, SIGHUP and SIGTERM, and holds no output of pytest's.
"""

# pathlib takes longer to import than all the rest:
# ruff: noqa: PTH101, PTH106, PTH118, PTH123, PTH208

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import struct
import subprocess
import sys
import time
from typing import NamedTuple

# The table's layout; ``run/shared_memory.py`` writes it, and imports it from here.
HEADER_BYTES = 4096
SLOT = struct.Struct("=iiq")  # pid, how long its start took in µs, earliest start in CLOCK_BOOTTIME ns
START_TOLERANCE_NS = 50_000_000  # /proc gives start times in ticks of 10 ms
BOUND_S = 20.0
REMOVAL_S = 180.0  # a daemon takes its time for many containers, and may be on its way up again
PAUSE_S = 0.02
QUIET_LOOKS = 2  # a child that was between vfork and exec at pytest's end shows its token only then
TOKEN_KEY = b"UNIKERNEL_SESSION="
NS_PER_S = 1_000_000_000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class PidEntry(NamedTuple):
    """A pid of the table: its process started between these two instants of CLOCK_BOOTTIME."""

    earliest_ns: int
    latest_ns: int


class Process(NamedTuple):
    """The facts about a process in ``/proc/PID/stat``. Source: proc_pid_stat(5)."""

    state: bytes
    group: int
    start_ns: int


def main(argv: list[str]) -> int:
    """Wait for pytest's end; clean up if it came without a goodbye."""
    pidfd, pipe, directory, token = int(argv[1]), int(argv[2]), argv[3], argv[4]
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    let_go_of_others(max(pidfd, pipe))
    if not goodbye(pidfd, pipe):
        hurry()
        clean_up(directory, token)
    return 0


def let_go_of_others(last: int) -> None:
    """Close inherited descriptors beyond our own: one may be the destination of pytest's output."""
    os.closerange(last + 1, max(map(int, os.listdir("/proc/self/fd"))) + 1)


def goodbye(pidfd: int, pipe: int) -> bool:
    """Block until the pidfd or the pipe is readable; return whether it was a goodbye."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.register(pipe, select.POLLIN)
    poll.poll()
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        return bool(os.read(pipe, 1))
    return False


def hurry() -> None:
    """Go before the load that is to be ended, where that is allowed."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def clean_up(directory: str, token: str) -> None:
    """Kill everything of ours, run the written-down removals, remove the directory. Bounded."""
    end_s = time.monotonic() + BOUND_S
    table = read_table(os.path.join(directory, "table"))
    quiet = 0
    while quiet < QUIET_LOOKS and time.monotonic() < end_s:
        quiet = 0 if kill_all(table, token.encode()) else quiet + 1
        time.sleep(PAUSE_S)
    run_removals(os.path.join(directory, "removals"))
    remove(directory)


def read_table(path: str) -> dict[int, PidEntry]:
    """Return the pids in flight with the span in which each started."""
    try:
        with open(path, "rb") as file:
            data = file.read()[HEADER_BYTES:]
    except OSError:
        return {}
    whole = SLOT.iter_unpack(data[: len(data) - len(data) % SLOT.size])
    return {pid: PidEntry(start_ns, start_ns + took_us * 1000) for pid, took_us, start_ns in whole if pid > 0}


def kill_all(table: dict[int, PidEntry], token: bytes) -> int:
    """Kill every process of ours that is found in one look; return how many were found."""
    found = ours(table, token)
    for pid in found:
        with contextlib.suppress(OSError):
            kill(pid, table, token)
    return len(found)


def kill(pid: int, table: dict[int, PidEntry], token: bytes) -> None:
    """Kill the process, after a second look through a pidfd: the pid may be another process by now."""
    pidfd = os.pidfd_open(pid)
    try:
        if is_ours(pid, look_at(pid), table, token):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    finally:
        os.close(pidfd)


def ours(table: dict[int, PidEntry], token: bytes) -> list[int]:
    """Return the processes that hold the token, or that belong to a group of the table."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != os.getpid() and is_ours(pid, look_at(pid), table, token)]


def look_at(pid: int) -> Process | None:
    """Return the kernel's facts about a process, or None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return Process(fields[0], int(fields[2]), int(fields[19]) * NS_PER_S // TICKS_PER_S)
    except (OSError, ValueError, IndexError):
        return None


def is_ours(pid: int, process: Process | None, table: dict[int, PidEntry], token: bytes) -> bool:
    """Return whether a process is ours; zombies aren't anybody's to kill."""
    if process is None or process.state in b"ZX":
        return False
    return in_table(pid, process, table) or holds(pid, TOKEN_KEY + token)


def in_table(pid: int, process: Process, table: dict[int, PidEntry]) -> bool:
    """Return whether a process leads a group of the table or is in one.

    A leader of that number which started later than ours is a foreign process to which the kernel gave the
    number again, and so is its group: a number is not reused while a process or group has it.
    """
    entry = table.get(process.group)
    if entry is None or process.start_ns < entry.earliest_ns - START_TOLERANCE_NS:
        return False
    leader = process if pid == process.group else look_at(process.group)
    return leader is None or leader.start_ns <= entry.latest_ns + START_TOLERANCE_NS


def holds(pid: int, setting: bytes) -> bool:
    """Return whether the setting is in the environment that the process was started with."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return setting in file.read().split(b"\0")
    except OSError:
        return False


def run_removals(directory: str) -> None:
    """Run the command in each file of the directory, ``{"argv": …, "env": …}``; output is dropped."""
    import json  # noqa: PLC0415 - only if there is something to remove

    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(directory)):
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError, subprocess.SubprocessError):
                with open(os.path.join(directory, name), "rb") as file:
                    command = json.load(file)
                subprocess.run(
                    command["argv"],
                    env=command["env"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=REMOVAL_S,
                    check=False,
                )


def remove(directory: str) -> None:
    """Remove a private directory with its content; never follows a link, unlocks locked directories."""
    found = [directory]
    for path in found:  # grows meanwhile
        found.extend(directories_left(path))
    for path in reversed(found):
        with contextlib.suppress(OSError):
            os.rmdir(path)


def directories_left(path: str) -> list[str]:
    """Remove everything else from a directory; return the directories in it."""
    directories = []
    with contextlib.suppress(OSError):
        descriptor = opened(path)
        try:
            os.fchmod(descriptor, stat.S_IRWXU)
            for entry in list(os.scandir(descriptor)):
                if entry.is_dir(follow_symlinks=False):
                    directories.append(os.path.join(path, entry.name))
                else:
                    with contextlib.suppress(OSError):
                        os.unlink(entry.name, dir_fd=descriptor)
        finally:
            os.close(descriptor)
    return directories


def opened(path: str) -> int:
    """Open a directory, never by a link; unlock it if need be."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except PermissionError:
        os.chmod(path, stat.S_IRWXU)
        return os.open(path, flags)


if __name__ == "__main__":
    os._exit(main(sys.argv))  # pytest waits for our end: nothing to finalize
