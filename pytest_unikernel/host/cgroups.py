"""Limits of control groups: memory and processes, versions 1 and 2. Source: cgroups(7)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")
# limit, use, and the cache in the use, which the kernel takes back when memory runs out
MEMORY_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available_bytes() -> float:
    """Return the memory available to us: the host's, or the rest of our cgroup's limit if that is less."""
    return max(0.0, min(_memory_rooms()))


def _memory_rooms() -> Iterator[float]:
    host = _meminfo()
    free = host["MemFree"]
    available = host.get("MemAvailable", free)
    # Some containers see the host's available memory beside a total of their own; psutil decides so, too.
    yield available if available <= host["MemTotal"] else free
    for directory in directories("memory"):
        for limit, used, cache in MEMORY_FILES:
            with contextlib.suppress(OSError, ValueError):
                yield number(directory / limit) - number(directory / used) + _statistic(directory, cache)


def total_bytes() -> float:
    """Return all memory that we could ever have: the host's, or our cgroup's limit if that is less."""
    totals: list[float] = [host_bytes()]
    for directory in directories("memory"):
        for limit, _, _ in MEMORY_FILES:
            with contextlib.suppress(OSError, ValueError):
                totals.append(number(directory / limit))
    return min(totals)


def host_bytes() -> int:
    """Return the memory of the host."""
    return _meminfo()["MemTotal"]


def _meminfo() -> dict[str, int]:
    """Return the kernel's figures in bytes; psutil, which has them too, is slow to import before a load.

    Source: proc_meminfo(5); the unit is KiB.
    """
    lines = (PROC / "meminfo").read_text(encoding="ascii").splitlines()
    return {name: 1024 * int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def process_rooms() -> Iterator[float]:
    """Yield how many processes each of our cgroups leaves."""
    for directory in directories("pids"):
        with contextlib.suppress(OSError, ValueError):
            yield number(directory / "pids.max") - number(directory / "pids.current")


def directories(controller: str) -> Iterator[Path]:
    """Yield our cgroup and its parents in the controller's hierarchy (version 1) and in version 2's.

    In a container the path is the host's and isn't there, but the root is the container's own.
    """
    for line in _memberships():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = CGROUP / controllers if controllers else _unified()
        here = root / path.lstrip("/")
        yield from (each for each in (here, *here.parents) if each.is_relative_to(root))


def _memberships() -> list[str]:
    try:
        return (PROC / "self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _unified() -> Path:
    """Return where version 2 is mounted: on top, or beside version 1."""
    return CGROUP if (CGROUP / "cgroup.controllers").exists() else CGROUP / "unified"


def _statistic(directory: Path, name: str) -> float:
    """Return one line of memory.stat; 0 where there is none."""
    with contextlib.suppress(OSError, ValueError):
        for line in (directory / "memory.stat").read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return float(value)
    return 0.0


def number(path: Path) -> float:
    """Return the number in a file; ``max`` is infinite."""
    text = path.read_text(encoding="ascii").strip()
    return float("inf") if text == "max" else float(text)
