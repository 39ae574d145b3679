"""Facts about this machine, for records and for ``machine_info``."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pytest_unikernel.host import cgroups
from pytest_unikernel.host.asking import ask

PROC, CGROUP, SYS = Path("/proc"), Path("/sys/fs/cgroup"), Path("/sys")
CONTAINER_DAEMONS = frozenset({"dockerd", "containerd", "podman", "crio", "k3s", "kubelet"})
PROGRAMS = ("qemu-system-x86_64", "docker", "podman", "runc", "crun", "urunc")
VERSION_PATIENCE_S = 5.0


def usable_cores(cpus: frozenset[int] | None = None) -> float:
    """Return how many CPUs instances may use: affinity or those asked for, at most the cgroup's quota."""
    allowed = len(cpus) if cpus else _allowed_cpus()
    return min(float(allowed), cgroup_quota_cores())


def _allowed_cpus() -> int:
    """Return the number of CPUs in our affinity; of all CPUs where a seccomp profile refuses to say."""
    try:
        return len(os.sched_getaffinity(0))
    except OSError:
        return os.cpu_count() or 1


def cgroup_quota_cores() -> float:
    """Return the CPU quota of our cgroup, or of a parent that has less, in cores; infinite without one.

    Source: Documentation/admin-guide/cgroup-v2.rst (cpu.max), scheduler/sched-bwc.rst (cpu.cfs_quota_us).
    """
    quotas = [math.inf]
    with contextlib.suppress(OSError):
        for line in (PROC / "self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                quotas += _quotas(CGROUP, path, "cpu.max")
            elif "cpu" in controllers.split(","):
                quotas += _quotas(CGROUP / "cpu", path, "cpu.cfs_quota_us", "cpu.cfs_period_us")
    return min(quotas)


def _quotas(root: Path, path: str, *names: str) -> Iterator[float]:
    """Yield the quotas of a cgroup and its parents; the files hold quota and period between them."""
    here = root / path.lstrip("/")
    for directory in (here, *(parent for parent in here.parents if root in (parent, *parent.parents))):
        with contextlib.suppress(OSError, ValueError):
            quota, period = " ".join((directory / name).read_text(encoding="ascii") for name in names).split()
            if quota not in ("max", "-1"):
                yield int(quota) / int(period)


def container_daemons() -> list[str]:
    """Return the container daemons that run on this host, by the name of their program.

    A podman is one if it serves an API; the others come and go with their containers.
    """
    running = set()
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                name = (entry / "comm").read_text(encoding="utf-8", errors="replace").strip()
                if name != "podman" or b"service" in (entry / "cmdline").read_bytes().split(b"\0"):
                    running.add(name)
    return sorted(running & CONTAINER_DAEMONS)


def governors() -> list[str]:
    """Return the frequency governors of the CPUs, each once; empty where the kernel governs no frequency."""
    found = set()
    for path in (SYS / "devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"):
        with contextlib.suppress(OSError):
            found.add(path.read_text(encoding="ascii").strip())
    return sorted(found)


def swapped_bytes() -> int:
    """Return the bytes swapped in and out since boot. Source: proc_vmstat(5)."""
    pages = 0
    with contextlib.suppress(OSError, ValueError):
        for line in (PROC / "vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith(("pswpin ", "pswpout ")):
                pages += int(line.split()[1])
    return pages * resource.getpagesize()


@functools.cache
def facts() -> dict[str, object]:
    """Return the facts that stay the same for a whole run; looked up once."""
    return {
        **machine(),
        "programs": {name: version for name in PROGRAMS if (version := program_version(name))},
    }


def machine() -> dict[str, object]:
    """Return the facts that identify this machine; no program is asked."""
    return {
        "cpu_model": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "usable_cores": usable_cores(),
        "memory_bytes": cgroups.host_bytes(),
        "os": _os_name(),
        "kernel": os.uname().release,
    }


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in (PROC / "cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return os.uname().machine


def _os_name() -> str:
    import platform  # noqa: PLC0415 - slow to import, and a load doesn't need it

    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return platform.system()


def program_version(name: str) -> str | None:
    """Return the first line of ``NAME --version``; None when there is no such program or no output."""
    path = shutil.which(name)
    if path is None:
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        told = ask(path, "--version", within_s=VERSION_PATIENCE_S).out.decode(errors="replace")
        return told.partition("\n")[0].strip() or None
    return None
