"""Rights, and the limits on instances in flight."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from pytest_unikernel.doctor.check import Check
from pytest_unikernel.host import cgroups, tuning
from pytest_unikernel.host import facts as host
from pytest_unikernel.host.bounds import Bound
from pytest_unikernel.host.disturbances import EFFECTS
from pytest_unikernel.host.system_calls import first_refused
from pytest_unikernel.launch.guards import DESCRIPTORS_PER_LAUNCH, DESCRIPTORS_RESERVED, process_room
from pytest_unikernel.text.system_calls import refused_text

MIB, GIB = 1 << 20, 1 << 30
ROOMY = 2048  # instances in flight: 1,024/s of two seconds each
PROCESSES_EACH = 4  # of a small instance, for the limits on processes
SHARED = Path("/dev/shm")  # noqa: S108 - only read
NOFILE_CURE = "ulimit -Hn 1048576 (as root), or LimitNOFILE= of the service"
ROOM_CURES = {
    Bound.PID_MAX: "sysctl kernel.pid_max=4194304",
    Bound.THREADS_MAX: "sysctl kernel.threads-max=1000000",
    Bound.USER_PROCESSES: "ulimit -u unlimited, or /etc/security/limits.conf",
    Bound.CGROUP_PROCESSES: "systemd-run --scope -p TasksMax=infinity, or the container's --pids-limit",
}


def user() -> Check:
    """Report the user and its capabilities."""
    name = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    needs = "" if os.geteuid() == 0 else ": containers may need root, real-time priority CAP_SYS_NICE"
    return Check("user", "yes", name + needs, facts={"uid": os.geteuid()})


def system_calls() -> Check:
    """Report whether the system calls of every load are allowed."""
    refused = first_refused()
    if refused is None:
        return Check("system calls", "yes", "those of every load are allowed", facts={"refused": None})
    why = refused_text(refused)
    return Check("system calls", "no", why.reason, why.cure, facts={"refused": refused.call})


def realtime() -> Check:
    """Report whether the generator may have real-time priority: tried, and put back."""
    effect, cure = EFFECTS["real-time"]
    if first_refused() is not None:
        return Check("real-time", "unknown", "not tried, for no load can run", effect=effect)
    with tuning.tuned("auto", 0) as granted:
        allowed = granted.realtime
    facts = {"allowed": allowed}
    if allowed:
        return Check("real-time", "yes", "SCHED_FIFO is granted", effect=effect, facts=facts)
    return Check("real-time", "no", "SCHED_FIFO is refused", cure, effect, facts)


def descriptors() -> Check:
    """Report how many launches the limit on open files allows at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = (hard - DESCRIPTORS_RESERVED) // DESCRIPTORS_PER_LAUNCH
    facts = {"soft": _number(soft), "hard": _number(hard)}
    if hard == resource.RLIM_INFINITY or most >= ROOMY:
        return Check("RLIMIT_NOFILE", "yes", f"{_shown(hard)} (hard limit)", facts=facts)
    reason = f"{_shown(hard)} (hard limit): at most {max(most, 0):,} instances in flight"
    return Check("RLIMIT_NOFILE", "no", reason, NOFILE_CURE, facts=facts)


def address_space() -> Check:
    """Report whether a limit on address space is in the way of virtual machines."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    facts = {"soft_bytes": _number(soft), "hard_bytes": _number(hard)}
    if soft == resource.RLIM_INFINITY:
        return Check("RLIMIT_AS", "yes", "unlimited", facts=facts)
    reason = f"{soft / MIB:,.0f} MiB of address space: virtual machines may not start"
    return Check("RLIMIT_AS", "no", reason, "ulimit -v unlimited", facts=facts)


def process_limits() -> list[Check]:
    """Report how much room each limit on processes leaves."""
    return [_room(bound, room) for bound, room in process_room()]


def _room(bound: Bound, room: float) -> Check:
    name, facts = bound.value, {"room": None if room == float("inf") else int(room)}
    shown = "unlimited" if room == float("inf") else f"room for {room:,.0f} threads"
    if room / PROCESSES_EACH >= ROOMY:
        return Check(name, "yes", shown, facts=facts)
    return Check(
        name, "no", f"{shown}; an instance needs {PROCESSES_EACH} or more", ROOM_CURES[bound], facts=facts
    )


def memory() -> Check:
    """Report how much memory there is for instances."""
    total, available = cgroups.total_bytes(), cgroups.available_bytes()
    effect, cure = EFFECTS["memory"]
    shown = f"{available / GIB:.1f} of {total / GIB:.1f} GiB available"
    facts = {"available_bytes": int(available), "total_bytes": int(total)}
    low = available < total / 4
    return Check("memory", "no" if low else "yes", shown, cure if low else "", effect, facts)


def cpus() -> Check:
    """Report how many CPUs may be used."""
    usable, count = host.usable_cores(), os.cpu_count() or 1
    why = "" if usable >= count else " (affinity, or the cgroup's quota)"
    facts = {"usable": usable, "count": count}
    return Check("cpus", "yes", f"{usable:g} of {count} usable{why}", facts=facts)


def shared_memory() -> Check:
    """Report whether instances' private directories can be in memory."""
    facts = {"writable": os.access(SHARED, os.W_OK | os.X_OK)}
    if not facts["writable"]:
        cure = f"mount -t tmpfs -o mode=1777 tmpfs {SHARED} (as root)"
        reason = f"{SHARED} is not writable: the directories of instances are on disk"
        return Check("/dev/shm", "no", reason, cure, facts=facts)  # noqa: S108 - a name
    found = os.statvfs(SHARED)
    free = found.f_bavail * found.f_frsize
    return Check("/dev/shm", "yes", f"{free / GIB:.1f} GiB free", facts={**facts, "free_bytes": free})  # noqa: S108


def _number(limit: int) -> int | None:
    return None if limit == resource.RLIM_INFINITY else limit


def _shown(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else f"{limit:,}"


def checks() -> list[Check]:
    """Return all checks of this file."""
    own = [user(), system_calls(), realtime(), cpus(), memory(), shared_memory(), descriptors()]
    return [*own, address_space(), *process_limits()]
