"""Guards that protect the host from a sweep: limits found before a step and watched during it."""

from __future__ import annotations

import contextlib
import math
import os
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_unikernel.host import cgroups
from pytest_unikernel.host.bounds import Bound, Cap
from pytest_unikernel.host.samples import Sample
from pytest_unikernel.plan.readiness import Port
from pytest_unikernel.plan.target import Target

MEMORY_FLOOR_SHARE = 0.10  # of all memory: below this share no launch is started
MEMORY_EMERGENCY_SHARE = 0.05  # below this share all instances in flight are ended
LOOK_EVERY_NS = 100_000_000
PIDS_SHARE = 0.80  # of the room that a limit on processes leaves
DESCRIPTORS_PER_LAUNCH = 2  # pidfd and output
DESCRIPTORS_RESERVED = 128
UNLIMITED = 1 << 40
PROC = Path("/proc")


class Guard:
    """Decides before each launch whether it may be started; refused launches are dropped and counted."""

    def __init__(self, cap: Cap, memory_total_bytes: int, sample: Callable[[], Sample]) -> None:
        self.cap = cap
        self.dropped: Counter[str] = Counter()
        self._floor_bytes = MEMORY_FLOOR_SHARE * memory_total_bytes
        self._emergency_bytes = MEMORY_EMERGENCY_SHARE * memory_total_bytes
        self._sample = sample
        self._next_look_ns = 0
        self._available_bytes = math.inf

    def refuses(self, in_flight: int) -> bool:
        """Return whether one more instance is too many now; count the refusal by its reason."""
        if in_flight >= self.cap.instances:
            self.dropped["max_in_flight"] += 1
        elif self._available_bytes < self._floor_bytes:
            self.dropped["memory"] += 1
        else:
            return False
        return True

    def emergency(self, now_ns: int) -> bool:
        """Return whether all instances in flight must be ended at once, before the host runs out of memory.

        Reads the monitor's sample a few times a second.
        """
        if now_ns >= self._next_look_ns:
            self._next_look_ns = now_ns + LOOK_EVERY_NS
            self._available_bytes = self._sample().memory_available_bytes
        return self._available_bytes < self._emergency_bytes


def open_guard() -> Guard:
    """Return a guard that refuses nothing, for simulations."""
    return Guard(Cap(UNLIMITED, Bound.NOT_SOUGHT), 0, Sample)


def find_cap(target: Target, asked: int | None) -> Cap:
    """Return the limit on instances of the target in flight on this host: the lowest of all limits.

    A requested limit may lower the cap, but never raise it above the host's own limits.
    """
    caps = [cap for cap in _found(target) if cap.instances < UNLIMITED]
    if asked is not None:
        caps.append(Cap(asked, Bound.ASKED))
    least = min(caps, key=_instances_and_name, default=Cap(UNLIMITED, Bound.NONE_FOUND))
    return least._replace(instances=max(1, least.instances))


def _instances_and_name(cap: Cap) -> tuple[int, str]:
    """Return the sort key of limits: of equal limits the first by name counts, which is the requested one."""
    return cap.instances, cap.bound.value


def _found(target: Target) -> Iterator[Cap]:
    room_bytes = cgroups.available_bytes() - MEMORY_FLOOR_SHARE * cgroups.total_bytes()
    yield Cap(int(room_bytes // target.memory_bytes), Bound.MEMORY, target.memory_bytes)
    for bound, room in process_room():
        if room < UNLIMITED:
            yield Cap(int(PIDS_SHARE * room // target.processes), bound)
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if descriptors != resource.RLIM_INFINITY:
        yield Cap((descriptors - DESCRIPTORS_RESERVED) // descriptors_per_launch(target), Bound.DESCRIPTORS)


def descriptors_per_launch(target: Target) -> int:
    """Return the file descriptors that a launch holds; a probe, or an engine's API, takes one more."""
    return DESCRIPTORS_PER_LAUNCH + (isinstance(target.ready, Port) or target.supervisor is not None)


def process_room() -> Iterator[tuple[Bound, float]]:
    """Yield each limit on processes with the room it leaves. Source: proc(5), getrlimit(2)."""
    running = _running_threads()
    for bound, name in ((Bound.PID_MAX, "pid_max"), (Bound.THREADS_MAX, "threads-max")):
        with contextlib.suppress(OSError, ValueError):
            yield bound, cgroups.number(PROC / "sys/kernel" / name) - running
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if soft != resource.RLIM_INFINITY and os.geteuid() != 0:  # the limit does not apply to root
        yield Bound.USER_PROCESSES, soft - _own_threads()
    for room in cgroups.process_rooms():
        yield Bound.CGROUP_PROCESSES, room


def _running_threads() -> int:
    """Return the number of threads on the host. Source: proc_loadavg(5), fourth field."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((PROC / "loadavg").read_text(encoding="ascii").split()[3].split("/")[1])
    return 0


def _own_threads() -> int:
    """Return the number of threads of our real user, as RLIMIT_NPROC counts. Source: proc_pid_status(5)."""
    own = str(os.getuid())
    return sum(threads for user, threads in map(_user_and_threads, PROC.iterdir()) if user == own)


def _user_and_threads(process: Path) -> tuple[str, int]:
    if process.name.isdigit():
        with contextlib.suppress(OSError, KeyError, ValueError):
            status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
            return status["Uid"].split()[0], int(status["Threads"])
    return "", 0
