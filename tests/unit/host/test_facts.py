"""Facts about the machine."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from pytest_unikernel.host import facts


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty /proc and /sys/fs/cgroup."""
    monkeypatch.setattr(facts, "PROC", tmp_path / "proc")
    monkeypatch.setattr(facts, "CGROUP", tmp_path / "cgroup")
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_cgroups_there_is_no_quota(machine: Path) -> None:
    assert facts.cgroup_quota_cores() == math.inf


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"a/b/cpu.max": "150000 100000\n"}, 1.5),
        ({"a/b/cpu.max": "max 100000\n"}, math.inf),
        ({"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, 0.5),
        ({"a/b/cpu.max": "300000 100000\n", "a/cpu.max": "400000 100000\n"}, 3.0),
        ({"a/b/cpu.max": "nonsense\n"}, math.inf),
        ({}, math.inf),
    ],
)
def test_a_quota_of_version_2_is_the_least_on_the_way_up(
    machine: Path, files: dict[str, str], cores: float
) -> None:
    write(machine / "proc/self/cgroup", "0::/a/b\n")
    for name, text in files.items():
        write(machine / "cgroup" / name, text)
    assert facts.cgroup_quota_cores() == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", math.inf), ("250000", 2.5)])
def test_a_quota_of_version_1_counts_too(machine: Path, quota: str, cores: float) -> None:
    write(machine / "proc/self/cgroup", "4:cpu,cpuacct:/a\n1:name=systemd:/\n0::/\n")
    write(machine / "cgroup/cpu/a/cpu.cfs_quota_us", f"{quota}\n")
    write(machine / "cgroup/cpu/a/cpu.cfs_period_us", "100000\n")
    assert facts.cgroup_quota_cores() == cores


def test_usable_are_the_cpus_asked_for_within_the_quota(machine: Path) -> None:
    assert facts.usable_cores(frozenset({0, 1, 2})) == 3
    write(machine / "proc/self/cgroup", "0::/a\n")
    write(machine / "cgroup/a/cpu.max", "50000 100000\n")
    assert facts.usable_cores(frozenset({0, 1, 2})) == 0.5


def test_container_daemons_are_found_by_their_program(machine: Path) -> None:
    for pid, name in {"10": "dockerd", "11": "bash", "12": "containerd", "13": "dockerd"}.items():
        write(machine / "proc" / pid / "comm", f"{name}\n")
    write(machine / "proc/14/comm", "podman\n")
    write(machine / "proc/14/cmdline", "podman\0run\0hello\0")
    write(machine / "proc/uptime", "1 1\n")
    assert facts.container_daemons() == ["containerd", "dockerd"]
    write(machine / "proc/14/cmdline", "podman\0system\0service\0")
    assert facts.container_daemons() == ["containerd", "dockerd", "podman"]


def test_facts_are_the_same_whenever_they_are_asked_for() -> None:
    assert facts.facts() == facts.facts()


def test_the_version_of_a_program_is_its_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\necho tool 1.2\necho more\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert facts.program_version("tool") == "tool 1.2"


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/no/such/interpreter\n"])
def test_a_program_that_says_nothing_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    program = tmp_path / "tool"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert facts.program_version("tool") is None
    assert facts.program_version("no-such-tool") is None
