"""The guards that keep a sweep from taking the host down."""

from __future__ import annotations

import dataclasses
import resource
from pathlib import Path

import pytest

from pytest_unikernel.host import cgroups
from pytest_unikernel.host.bounds import Bound, Cap
from pytest_unikernel.host.samples import Sample
from pytest_unikernel.launch import guards
from pytest_unikernel.launch.guards import Guard, find_cap, open_guard
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.plan.target import Target

MIB = 1 << 20
S = 1_000_000_000


class Host:
    """A host whose available memory the test sets; 1000 bytes in all."""

    def __init__(self) -> None:
        self.available = 1000.0
        self.looks = 0

    def sample(self) -> Sample:
        self.looks += 1
        return Sample(memory_available_bytes=self.available)


@pytest.fixture
def host() -> Host:
    return Host()


def guard_of(host: Host, cap: int = 3) -> Guard:
    return Guard(Cap(cap, Bound.ASKED), 1000, host.sample)


def test_a_launch_above_the_cap_is_refused_and_counted(host: Host) -> None:
    guard = guard_of(host)
    assert [guard.refuses(in_flight) for in_flight in (0, 2, 3, 4)] == [False, False, True, True]
    assert guard.dropped == {"max_in_flight": 2}


@pytest.mark.parametrize(
    ("available", "refused", "emergency"),
    [(1000, False, False), (100, False, False), (99, True, False), (50, True, False), (49, True, True)],
)
def test_memory_below_a_tenth_refuses_and_below_a_twentieth_is_an_emergency(
    host: Host, available: float, *, refused: bool, emergency: bool
) -> None:
    guard = guard_of(host)
    host.available = available
    assert guard.emergency(0) == emergency
    assert guard.refuses(0) == refused
    assert guard.dropped == ({"memory": 1} if refused else {})


def test_the_host_is_looked_at_a_few_times_a_second(host: Host) -> None:
    guard = guard_of(host)
    for now_ns in range(0, S, S // 1000):
        guard.emergency(now_ns)
    assert host.looks == 10


def test_an_open_guard_refuses_nothing() -> None:
    guard = open_guard()
    assert not guard.emergency(0)
    assert not guard.refuses(10**9)


# the cap ------------------------------------------------------------------------------------------

MEMORY = ("MemTotal", "MemFree", "MemAvailable")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine described by files, with nothing that limits us."""
    files = {
        "proc/meminfo": "\n".join(f"{name}: {100 << 30} kB" for name in MEMORY),
        "proc/sys/kernel/pid_max": "4194304",
        "proc/sys/kernel/threads-max": "4194304",
        "proc/loadavg": "0.10 0.20 0.30 1/4304 12345",
        "proc/self/cgroup": "0::/user/session",
        "cgroup/cgroup.controllers": "memory pids",
        "cgroup/user/session/pids.max": "4000000",
        "cgroup/user/session/pids.current": "10",
    }
    for name, text in files.items():
        write(tmp_path / name, text)
    monkeypatch.setattr(guards, "PROC", tmp_path / "proc")
    monkeypatch.setattr(cgroups, "PROC", tmp_path / "proc")
    monkeypatch.setattr(cgroups, "CGROUP", tmp_path / "cgroup")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: unlimited)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


TARGET = Target("some", ["true"], memory_bytes=4 * MIB, processes=2)


@pytest.mark.parametrize(
    ("name", "text", "instances", "bound"),
    [
        ("proc/sys/kernel/pid_max", "5304", 400, Bound.PID_MAX),  # 80 % of 1000 more, two each
        ("proc/sys/kernel/threads-max", "5304", 400, Bound.THREADS_MAX),
        ("cgroup/user/session/pids.max", "1010", 400, Bound.CGROUP_PROCESSES),
        ("proc/sys/kernel/pid_max", "4304", 1, Bound.PID_MAX),  # no room: one at a time
    ],
)
def test_the_cap_is_the_least_of_the_limits_and_says_which(
    machine: Path, name: str, text: str, instances: int, bound: Bound
) -> None:
    write(machine / name, text)
    assert find_cap(TARGET, None) == Cap(instances, bound)


def test_a_parents_cgroup_limits_as_well(machine: Path) -> None:
    write(machine / "cgroup/user/pids.max", "110")
    write(machine / "cgroup/user/pids.current", "10")
    assert find_cap(TARGET, None) == Cap(40, Bound.CGROUP_PROCESSES)


def test_a_cgroup_of_version_1_limits_as_well(machine: Path) -> None:
    write(machine / "proc/self/cgroup", "7:pids:/mine\n0::/")
    write(machine / "cgroup/pids/mine/pids.max", "110")
    write(machine / "cgroup/pids/mine/pids.current", "10")
    assert find_cap(TARGET, None) == Cap(40, Bound.CGROUP_PROCESSES)


def test_a_cgroup_without_a_limit_does_not_limit(machine: Path) -> None:
    write(machine / "cgroup/user/session/pids.max", "max")
    write(machine / "proc/sys/kernel/pid_max", "5304")
    assert find_cap(TARGET, None) == Cap(400, Bound.PID_MAX)


def test_memory_of_the_cgroup_limits_as_well(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(machine / "cgroup/user/session/memory.max", str(50 * MIB))
    write(machine / "cgroup/user/session/memory.current", str(10 * MIB))
    monkeypatch.setattr(guards, "MEMORY_FLOOR_SHARE", 0.0)
    assert find_cap(TARGET, None) == Cap(10, Bound.MEMORY, 4 * MIB)


def test_descriptors_limit_as_well(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {resource.RLIMIT_NOFILE: (1024, 2128)}
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda number: limits.get(number, unlimited))
    assert find_cap(TARGET, None) == Cap(1000, Bound.DESCRIPTORS)
    asking = dataclasses.replace(TARGET, supervisor=ProcessSupervisor)
    assert find_cap(asking, None) == Cap(666, Bound.DESCRIPTORS)


@pytest.mark.parametrize(("asked", "instances"), [(7, 7), (10**9, 400)])
def test_what_was_asked_for_may_lower_the_cap_and_never_raise_it(
    machine: Path, asked: int, instances: int
) -> None:
    write(machine / "proc/sys/kernel/pid_max", "5304")
    cap = find_cap(TARGET, asked)
    assert cap.instances == instances
    assert (cap.bound is Bound.ASKED) == (asked == instances)
