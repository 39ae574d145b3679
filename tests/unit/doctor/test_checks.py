"""The doctor's checks, each on a made-up /proc and /sys."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from pytest_unikernel.doctor import files, limits, noise_containers, noise_cpu, noise_memory, tools, urunc
from pytest_unikernel.doctor.check import Check
from pytest_unikernel.host import cgroups, facts
from pytest_unikernel.host.bounds import Bound
from pytest_unikernel.host.disturbances import EFFECTS
from pytest_unikernel.launch import guards
from pytest_unikernel.targets.qemu import kvm
from pytest_unikernel.targets.qemu import machine as qemu
from pytest_unikernel.targets.urunc import program as urunc_program

CPU = "sys/devices/system/cpu"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty /proc and /sys, and a PATH with no program."""
    monkeypatch.setattr(files, "PROC", tmp_path / "proc")
    monkeypatch.setattr(files, "SYS", tmp_path / "sys")
    monkeypatch.setattr(facts, "SYS", tmp_path / "sys")
    monkeypatch.setattr(kvm, "DEVICE", tmp_path / "dev/kvm")
    monkeypatch.setattr(urunc_program, "SYSTEM_CONFIG", tmp_path / "etc/urunc/config.toml")
    monkeypatch.delenv("URUNC_TIMESTAMPS", raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def program(machine: Path, name: str, script: str) -> None:
    path = machine / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(("reason", "cure"), [("", "do this"), ("why", "")])
@pytest.mark.parametrize("state", ["no", "absent", "noisy"])
def test_a_no_without_reason_or_cure_can_not_be_made(state: str, reason: str, cure: str) -> None:
    with pytest.raises(ValueError, match="expected a reason and a cure"):
        Check("a", state, reason, cure)  # type: ignore[arg-type]


def test_every_disturbance_has_an_effect_and_a_cure() -> None:
    assert all(effect and cure for effect, cure in EFFECTS.values())


@pytest.mark.parametrize(
    ("governors", "state"),
    [([], "unknown"), (["performance"] * 2, "quiet"), (["performance", "powersave"], "noisy")],
)
def test_one_cpu_with_a_saving_governor_is_noise(machine: Path, governors: list[str], state: str) -> None:
    for number, each in enumerate(governors):
        write(machine / CPU / f"cpu{number}/cpufreq/scaling_governor", f"{each}\n")
    assert noise_cpu.governor().state == state


@pytest.mark.parametrize(
    ("file", "text", "state"),
    [
        ("intel_pstate/no_turbo", "0", "noisy"),
        ("intel_pstate/no_turbo", "1", "quiet"),
        ("cpufreq/boost", "1", "noisy"),
        ("cpufreq/boost", "0", "quiet"),
        ("other", "0", "unknown"),
    ],
)
def test_turbo_is_told_by_either_driver(machine: Path, file: str, text: str, state: str) -> None:
    write(machine / CPU / file, text)
    assert noise_cpu.turbo().state == state


def test_steal_is_that_of_the_last_moment_too(machine: Path) -> None:
    write(machine / "proc/stat", "cpu 10 0 10 1000 0 0 0 20 7 7\ncpu0 1 1 1 1 1 1 1 1\n")
    begin = noise_cpu.cpu_times()
    assert begin == (1040, 20)  # a guest's time is in the user's already
    assert noise_cpu.steal(begin).state == "quiet"
    write(machine / "proc/stat", "cpu 60 0 10 1030 0 0 0 40 7 7\n")
    found = noise_cpu.steal(begin)
    assert (found.state, found.facts["percent"]) == ("noisy", 20.0)


def test_load_is_held_against_the_cpus_that_are_ours(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "usable_cores", lambda: 4.0)
    assert noise_cpu.load(1.0).state == "quiet"
    assert noise_cpu.load(1.1).state == "noisy"


@pytest.mark.parametrize(("name", "state"), [("tsc", "quiet"), ("hpet", "noisy"), ("kvm-clock", "quiet")])
def test_a_clock_that_costs_a_system_call_is_noise(machine: Path, name: str, state: str) -> None:
    write(machine / "sys/devices/system/clocksource/clocksource0/current_clocksource", f"{name}\n")
    assert noise_cpu.clock().state == state


@pytest.mark.parametrize(
    ("flags", "state"), [("fpu hypervisor lm", "noisy"), ("fpu lm", "quiet"), ("", "unknown")]
)
def test_a_virtual_machine_is_told_by_its_cpu(machine: Path, flags: str, state: str) -> None:
    write(machine / "proc/cpuinfo", f"processor\t: 0\nflags\t\t: {flags}\n" if flags else "")
    assert noise_cpu.hypervisor().state == state


@pytest.mark.parametrize(("total", "used", "state"), [(0, 0, "quiet"), (100, 0, "quiet"), (100, 1, "noisy")])
def test_swap_is_noise_when_it_is_used(
    machine: Path, monkeypatch: pytest.MonkeyPatch, total: int, used: int, state: str
) -> None:
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(total=total, used=used))
    assert noise_memory.swap().state == state


def test_what_the_kernel_does_with_pages_is_told(machine: Path) -> None:
    assert {noise_memory.huge_pages().state, noise_memory.ksm().state} == {"unknown"}
    write(machine / "sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n")
    write(machine / "sys/kernel/mm/ksm/run", "1\n")
    assert {noise_memory.huge_pages().state, noise_memory.ksm().state} == {"noisy"}
    write(machine / "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    write(machine / "sys/kernel/mm/ksm/run", "0\n")
    assert {noise_memory.huge_pages().state, noise_memory.ksm().state} == {"quiet"}


def test_pressure_of_one_resource_is_enough(machine: Path) -> None:
    assert noise_memory.pressure().state == "unknown"
    for name, percent in (("cpu", "0.00"), ("memory", "1.00"), ("io", "40.00")):
        write(machine / "proc/pressure" / name, f"some avg10={percent} avg60=0.00 avg300=0.00 total=1\n")
    found = noise_memory.pressure()
    assert (found.state, found.facts["io"]) == ("noisy", 40.0)


@pytest.mark.parametrize(
    ("mounts", "state", "told"),
    [
        ("", "unknown", ""),
        ("1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,favordynmods\n", "quiet", "version 2, with"),
        ("1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "noisy", "version 2, without"),
        (
            "1 2 0:3 / /c/a rw - cgroup cgroup rw,cpu\n1 2 0:3 / /c/unified rw - cgroup2 none rw\n",
            "noisy",
            "versions 1 and 2 (hybrid), without",
        ),
    ],
)
def test_cgroups_are_told_by_version_and_mount_option(
    machine: Path, mounts: str, state: str, told: str
) -> None:
    write(machine / "proc/self/mountinfo", f"1 1 8:1 / / rw - ext4 /dev/vda rw\n{mounts}")
    found = noise_containers.cgroups()
    assert (found.state, told in found.reason) == (state, True)
    if "/c/unified" in mounts:
        assert "favordynmods /c/unified" in found.cure


def test_daemons_that_run_are_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "container_daemons", lambda: ["containerd", "dockerd"])
    assert noise_containers.daemons().reason == "containerd, dockerd run"
    monkeypatch.setattr(facts, "container_daemons", list)
    assert noise_containers.daemons().state == "quiet"


# rights and limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hard", "state"), [(resource.RLIM_INFINITY, "yes"), (1 << 20, "yes"), (1024, "no"), (64, "no")]
)
def test_few_open_files_bound_what_is_in_flight(
    monkeypatch: pytest.MonkeyPatch, hard: int, state: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, hard))
    found = limits.descriptors()
    assert found.state == state
    if hard == 1024:
        assert "at most 448 instances in flight" in found.reason


def test_each_limit_on_processes_has_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = (Bound.PID_MAX, Bound.THREADS_MAX, Bound.USER_PROCESSES, Bound.CGROUP_PROCESSES)
    monkeypatch.setattr(limits, "process_room", lambda: ((bound, 100.0) for bound in bounds))
    assert [each.state for each in limits.process_limits()] == ["no"] * 4
    monkeypatch.setattr(limits, "process_room", lambda: ((bound, float("inf")) for bound in bounds))
    assert [each.facts["room"] for each in limits.process_limits()] == [None] * 4


def test_the_limits_on_processes_are_those_that_guards_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5, 5))
    monkeypatch.setattr(cgroups, "process_rooms", lambda: [7.0])
    assert {bound for bound, _ in guards.process_room()} <= set(limits.ROOM_CURES)


def test_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "total_bytes", lambda: 8.0 * limits.GIB)
    for available_gib, state in ((7.0, "yes"), (1.0, "no")):
        monkeypatch.setattr(cgroups, "available_bytes", lambda gib=available_gib: gib * limits.GIB)
        assert limits.memory().state == state


def test_a_limited_address_space_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 30, 1 << 30))
    assert "1,024 MiB" in limits.address_space().reason


# tools ---------------------------------------------------------------------------------------------------


def test_without_programs_each_is_absent_and_has_a_cure(machine: Path) -> None:
    found = [job.call() for lane in tools.lanes() for job in lane] + [urunc.urunc()]
    assert {each.state for each in found} == {"absent"}
    assert [each.name for each in found] == [
        *("kvm", "qemu", "rust", "docker", "podman", "runc", "crun", "youki", "runsc", "urunc")
    ]


def test_a_qemu_without_a_machine_type_is_a_no(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "find", lambda _: qemu.Qemu("qemu", "9.2"))
    program(machine, "qemu", 'echo "pc  Standard PC"; echo "q35  Standard PC"')
    assert "without the machine types microvm" in tools.qemu_program().reason
    program(machine, "qemu", 'echo "pc  PC"; echo "q35  PC"; echo "microvm  microvm"')
    assert tools.qemu_program().facts["machines"] == {"microvm": True, "pc": True, "q35": True}


def test_an_old_compiler_and_one_without_the_target_are_no(machine: Path) -> None:
    program(machine, "cargo", "")
    library = machine / "lib"
    script = f'case $1 in --version) echo "rustc {{}} (abc 2020)";; *) echo {library};; esac'
    program(machine, "rustc", script.format("1.63.0"))
    assert tools.rust().reason == "rustc 1.63.0"
    program(machine, "rustc", script.format("1.95.0"))
    assert (tools.rust().state, "rustup target add" in tools.rust().cure) == ("no", True)
    write(library / "libcore-1.rlib", "")
    assert tools.rust().state == "yes"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ('{"Client":{"Version":"28.1"},"Server":{"Version":"27.0"}}', "yes"),
        ('{"Client":{"Version":"28.1"},"Server":null}', "no"),
        ("no JSON", "no"),
    ],
)
def test_a_client_without_an_engine_is_a_no(machine: Path, answer: str, state: str) -> None:
    program(machine, "docker", f"echo '{answer}'")
    assert tools.docker_program().state == state


def test_a_version_is_found_in_what_a_program_prints(machine: Path) -> None:
    program(machine, "crun", 'echo "crun version 1.8.1"; echo "commit: f8a096be"')
    assert tools.program("crun", "").reason == "1.8.1"


def test_kvm_that_this_user_may_not_open_is_a_no(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(kvm.DEVICE, "")
    (machine / "sys/module/kvm_amd").mkdir(parents=True)
    assert tools.kvm_device().reason.startswith("kvm_amd; ")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert tools.kvm_device().cure == "add the user to the group kvm"


def urunc_of(machine: Path, text: bytes) -> None:
    path = machine / "bin/urunc"
    path.write_bytes(b"\x7fELF\0mod\tgithub.com/urunc-dev/urunc\tv0.7.0\th1:abc=\n\0" + text)
    path.chmod(0o755)


def test_urunc_is_told_with_its_monitors_and_how_its_timestamps_are_switched(machine: Path) -> None:
    urunc_of(machine, b"/etc/urunc/config.toml CR.invoked URUNC_CONFIG_FILE")
    assert urunc.urunc().state == "no"  # no monitor
    program(machine, "solo5-spt", "")
    found = urunc.urunc()
    assert found.state == "yes"
    assert found.reason.startswith(
        "v0.7.0, log format of 0.7-0.8; timestamps per load, into a file of its own; monitors"
    )
    assert found.facts == {
        "release": "v0.7.0",
        "releases": "0.7-0.8",
        "monitors": ["solo5-spt"],
        "accelerator": None,
        "timestamps": True,
        "timestamps_switch": "per run",
        "timestamps_file": None,
        "clients": [],
    }


@pytest.mark.parametrize(
    ("text", "shown", "has_cure"),
    [
        (
            '[timestamps]\nenabled = true\ndestination = "/tmp/ts.log"\n',
            "timestamps on, into /tmp/ts.log;",
            False,
        ),
        ("[timestamps]\nenabled = false\n", "timestamps off;", True),
        ("timestamps = 1\n", "timestamps off;", True),
        ("not TOML", "timestamps off;", True),
    ],
)
def test_timestamps_are_told_by_the_configuration_where_nothing_else_switches_them(
    machine: Path, text: str, shown: str, has_cure: bool
) -> None:
    urunc_of(machine, b"/etc/urunc/config.toml CR.invoked")
    program(machine, "solo5-spt", "")
    write(urunc_program.SYSTEM_CONFIG, text)
    found = urunc.urunc()
    assert shown in found.reason
    assert bool(found.cure) is has_cure
