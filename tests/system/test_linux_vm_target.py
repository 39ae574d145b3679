"""Linux virtual machines as a target, for real: QEMU started as a load starts it."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from needed import needs_busybox, needs_ext4, needs_linux, needs_qemu
from realloads import launched, outcomes, supervised

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build.linux_kernel import BuiltKernel, newest_kernel
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.results.intervals import intervals
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.partition import partition
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.qemu.linux_vm import FAILURES, ORDER, linux_vm
from pytest_unikernel.targets.qemu.machine import PROGRAM

pytestmark = [needs_qemu, needs_linux]

LIMIT_S = 60.0
OK = Outcome.COMPLETED


def booted(session: Session, target: Target, launches: int = 1) -> LaunchLog:
    """Load it like ``cold_start`` does: probe, then one after the other."""
    missing = target.probe() if target.probe is not None else None
    assert missing is None, str(missing)
    return launched(session, target, launches, timeout_s=LIMIT_S)


def kernel() -> BuiltKernel:
    built = newest_kernel()
    assert built is not None
    return built


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    return path


def image(
    tmp_path: Path, image_format: str = "raw", *, profile: str = "touch /root/been-here", unit: str = ":"
) -> Path:
    """Make a file system whose init is a busybox shell that reads root's .profile, as a login does.

    Args:
        tmp_path: where it is made.
        image_format: raw or qcow2.
        profile: the rest of root's profile, after the line that the machine runs.
        unit: the init's work before that.
    """
    root = tmp_path / "root"
    for folder in ("bin", "sbin", "dev", "proc", "root", "tmp"):
        (root / folder).mkdir(parents=True)
    shutil.copy(str(shutil.which("busybox")), root / "bin" / "busybox")
    applets = ("sh", "echo", "date", "cat", "reboot", "chmod", "ls", "touch", "mount", "grep", "stat", "dd")
    for applet in applets:
        (root / "bin" / applet).symlink_to("busybox")
    end = 'case "$(cat /proc/cmdline)" in *unikernel.shutdown*) reboot -f; esac'
    init = f"mount -t proc proc /proc; {unit}; . /root/.profile\n{end}"
    script(root / "sbin" / "init", init).chmod(0o755)
    marker = 'echo "$(date +%s%N) VM successfully running"'
    (root / "root" / ".profile").write_text(f"{marker}\n{profile}\n")
    made = tmp_path / "image.raw"
    argv = [str(shutil.which("mke2fs")), "-q", "-t", "ext4", "-d", str(root), str(made), "32M"]
    subprocess.run(argv, check=True, capture_output=True)
    if image_format == "qcow2":
        converted = tmp_path / "image.qcow2"
        convert = [str(shutil.which("qemu-img")), "convert", "-O", "qcow2", str(made), str(converted)]
        subprocess.run(convert, check=True)
        return converted
    return made


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# the minimal guest ------------------------------------------------------------------------------------


def test_the_minimal_guest_is_ready_at_its_marker_and_ends(session: Session) -> None:
    log = booted(session, linux_vm(), launches=2)
    assert outcomes(log) == [OK, OK]
    assert all(log.ready_ns[row] < log.exited_ns[row] for row in range(2))


def test_only_a_minimal_guest_on_one_emulated_cpu_is_spared_measuring_its_clocks(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(4096))
    assert "lpj=" in " ".join(linux_vm().argv)
    for other in (linux_vm(cpus=2), linux_vm(image=tmp_path / "disk"), linux_vm(kvm=True)):
        assert "lpj=" not in " ".join(other.argv)


@pytest.mark.parametrize("machine", ["microvm", "pc", "q35"])
def test_it_boots_on_every_machine(machine: str, session: Session) -> None:
    assert outcomes(booted(session, linux_vm(machine=machine))) == [OK]


def test_every_phase_of_a_boot_is_an_interval(session: Session) -> None:
    target = linux_vm()
    with supervised(session, target, timeout_s=LIMIT_S) as supervisor:
        trial = run_cold(supervisor, 2, unmeasured=0)
    events = trial.log.events[0]
    assert [each for each in ORDER if each in events] == ["console", "kernel", "init", "shutdown"]
    summaries = intervals(target, [trial])
    assert all(each.censored == 0 for each in summaries.values())
    assert set(summaries) == {f"{a}->{b}" for a, b in itertools.pairwise(ORDER)}
    parts = partition(target, [trial])
    assert parts is not None
    assert (parts["n"], parts["left_out"], parts["other_s"]) == (2, 0, 0)


def test_the_guests_clock_is_kept_and_not_used(session: Session) -> None:
    log = booted(session, linux_vm())
    assert log.events[0]["guest:marker"] > 10**18  # since 1970
    assert log.ready_ns[0] < 10**18


def test_a_bzimage_is_unpacked_and_boots_by_pvh(session: Session) -> None:
    target = linux_vm(kernel=kernel().bzimage)
    assert callable(target.versions)
    assert target.versions()["boot"] == "pvh"
    assert outcomes(booted(session, target)) == [OK]


def test_a_long_lived_guest_is_ended_by_us(session: Session) -> None:
    target = linux_vm(shutdown=False)
    assert "shutdown" not in " ".join(target.argv)
    assert outcomes(booted(session, target)) == [OK]


def test_the_console_can_go_to_the_terminal(session: Session, capfd: pytest.CaptureFixture[str]) -> None:
    assert outcomes(booted(session, linux_vm(console=True))) == [OK]
    assert "VM successfully running" in capfd.readouterr().out


def test_memory_cpus_and_command_line_are_taken(session: Session, tmp_path: Path) -> None:
    look = script(
        tmp_path / "look", "grep -q one=1 /proc/cmdline && [ $(grep -c ^processor /proc/cpuinfo) = 2 ]"
    )
    target = linux_vm(memory_mib=96, cpus=2, append="one=1", scripts=[look])
    assert outcomes(booted(session, target)) == [OK]
    assert target.memory_bytes > 96 << 20


def test_the_versions_tell_what_is_really_used() -> None:
    found = linux_vm().versions
    assert callable(found)
    told = found()
    assert (told["accelerator"], told["machine"], told["boot"]) == ("tcg", "microvm", "pvh")
    assert kernel().version in told["kernel"]


# scripts and files --------------------------------------------------------------------------------------


@needs_busybox
def test_scripts_run_in_their_order_and_see_the_files(session: Session, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("42\n")
    first = script(tmp_path / "z-first", "cat /root/data > /tmp/seen")
    second = script(tmp_path / "a-second", "[ $(cat /tmp/seen) = 42 ]")
    log = booted(session, linux_vm(scripts=[first, second], files=[tmp_path / "data"]))
    assert outcomes(log) == [OK]


@needs_busybox
def test_a_script_that_fails_fails_the_launch_with_its_status(session: Session, tmp_path: Path) -> None:
    log = booted(session, linux_vm(scripts=[script(tmp_path / "bad", "echo oh no; exit 7")]))
    assert outcomes(log) == [Outcome.EXIT_CODE]
    assert "oh no" in log.tails[0]
    assert "unikernel: script bad exit 7" in log.tails[0]


def test_a_script_without_shebang_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("echo hello\n")
    with pytest.raises(TargetError, match=r"no shebang .* files="):
        linux_vm(scripts=[tmp_path / "plain"])


def test_a_script_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"can't read .*No such file"):
        linux_vm(scripts=[tmp_path / "missing"])


@needs_busybox
@pytest.mark.parametrize(
    ("shebang", "needed"),
    [("/usr/bin/env python3", "python3"), ("/opt/shells/sh", "/opt/shells/sh"), ("/sbin/sh", "/sbin/sh")],
)
def test_a_script_for_another_interpreter_is_refused(shebang: str, needed: str, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(f"#!{shebang}\n")
    with pytest.raises(TargetError, match=f"needs '{needed}'.*only busybox"):
        linux_vm(scripts=[tmp_path / "script"])


def test_a_script_with_dos_line_ends_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dos").write_bytes(b"#!/bin/sh\r\necho hello\r\n")
    with pytest.raises(TargetError, match="DOS line ends"):
        linux_vm(scripts=[tmp_path / "dos"])


@needs_busybox
def test_a_script_after_one_that_ends_the_machine_is_no_success(session: Session, tmp_path: Path) -> None:
    scripts = [script(tmp_path / "a", "reboot -f"), script(tmp_path / "b", "exit 3")]
    assert outcomes(booted(session, linux_vm(scripts=scripts))) == [Outcome.NOT_READY]


# images -----------------------------------------------------------------------------------------------


@needs_busybox
@needs_ext4
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_an_image_boots_as_it_is_and_is_never_written(
    image_format: str, session: Session, tmp_path: Path
) -> None:
    disk = image(tmp_path, image_format)
    before = sha256(disk)
    log = booted(session, linux_vm(image=disk), launches=2)
    assert outcomes(log) == [OK, OK], log.tails
    assert sha256(disk) == before


@needs_busybox
@needs_ext4
def test_scripts_reach_an_image_without_changing_it(session: Session, tmp_path: Path) -> None:
    disk = image(tmp_path)
    before = sha256(disk)
    (tmp_path / "data").write_text("from outside\n")
    check = script(tmp_path / "check", "cat /root/data && grep been-here /root/.profile")
    log = booted(session, linux_vm(image=disk, scripts=[check], files=[tmp_path / "data"]))
    assert outcomes(log) == [OK], log.tails
    assert sha256(disk) == before


@needs_busybox
@needs_ext4
def test_a_script_that_fails_in_an_image_fails_the_launch(session: Session, tmp_path: Path) -> None:
    target = linux_vm(image=image(tmp_path), scripts=[script(tmp_path / "bad", "exit 3")])
    log = booted(session, target)
    assert outcomes(log) == [Outcome.EXIT_CODE]
    assert "unikernel: script bad exit 3" in log.tails[0]


@needs_busybox
@needs_ext4
def test_scripts_come_before_a_profile_that_ends_the_machine(session: Session, tmp_path: Path) -> None:
    disk = image(tmp_path, profile="reboot -f")
    log = booted(session, linux_vm(image=disk, scripts=[script(tmp_path / "s", "echo I ran")]))
    assert outcomes(log) == [OK], log.tails


@needs_busybox
@needs_ext4
def test_scripts_that_an_image_never_calls_are_no_success(session: Session, tmp_path: Path) -> None:
    disk = image(tmp_path, unit='echo "$(date +%s%N) VM successfully running"; reboot -f')
    log = booted(session, linux_vm(image=disk, scripts=[script(tmp_path / "s", ":")]))
    assert outcomes(log) == [Outcome.NOT_READY], log.tails


@needs_busybox
@needs_ext4
def test_files_keep_their_modes_and_dot_files_are_files(session: Session, tmp_path: Path) -> None:
    (tmp_path / ".vimrc").write_text("set nu\n")
    (tmp_path / ".vimrc").chmod(0o604)
    hidden = script(tmp_path / ".hidden", "grep nu /root/.vimrc && [ $(stat -c %a /root/.vimrc) = 604 ]")
    log = booted(session, linux_vm(image=image(tmp_path), scripts=[hidden], files=[tmp_path / ".vimrc"]))
    assert outcomes(log) == [OK], log.tails


def test_what_a_kernel_says_of_a_full_overlay_fails_the_launch() -> None:
    said = (
        b"blk_update_request: I/O error, dev vda, sector 69200 op 0x1:(WRITE)",
        b"I/O error, dev vda, sector 2048 op 0x1:(WRITE) flags 0x800",
        b"Buffer I/O error on dev vda, logical block 8650, lost async page write",
        b"Buffer I/O error on device vda, logical block 12",
    )
    (pattern,) = (pattern for pattern in FAILURES if pattern.startswith(b"I/O error"))
    assert all(re.search(pattern, line) for line in said)


@needs_busybox
@needs_ext4
def test_an_images_own_line_can_be_the_ready_one(session: Session, tmp_path: Path) -> None:
    target = linux_vm(image=image(tmp_path), ready=Line(rb"successfully"), shutdown=False)
    assert outcomes(booted(session, target)) == [OK]


@needs_busybox
@needs_ext4
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_an_image_in_use_is_unavailable_and_says_so(image_format: str, tmp_path: Path) -> None:
    disk = image(tmp_path, image_format)
    probe = linux_vm(image=disk).probe
    assert probe is not None
    assert probe() is None
    with holding(disk):
        found = probe()
        described_now = linux_vm(image=disk).probe
        assert described_now is not None
        assert described_now() == found
    assert isinstance(found, Unavailable)
    assert "is in use" in found.reason


@needs_busybox
@needs_ext4
def test_an_image_that_others_only_read_can_be_booted(tmp_path: Path) -> None:
    disk = image(tmp_path, "qcow2")
    with holding(disk, "on"):
        probe = linux_vm(image=disk).probe
        assert probe is not None
        assert probe() is None


@contextlib.contextmanager
def holding(disk: Path, read_only: str = "off") -> Iterator[None]:
    """Have a QEMU that has the image open, for writing unless it is to be read only."""
    opened = f"driver=file,node-name=d,read-only={read_only},filename={disk}"
    drive = ["-blockdev", opened, "-device", "virtio-blk-pci,drive=d"]
    qemu = [str(shutil.which(PROGRAM)), "-M", "pc", "-S", "-display", "none", "-nodefaults", "-qmp", "stdio"]
    with subprocess.Popen([*qemu, *drive], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            holder.stdin.write(b'{"execute": "qmp_capabilities"}\n')
            holder.stdin.flush()
            assert b"QMP" in holder.stdout.readline()
            assert b"return" in holder.stdout.readline()  # its disks are open by now
            yield
        finally:
            holder.kill()


@needs_ext4
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"KDMV" + bytes(1020), "vmdk"),
        (b"\x7fELF" + bytes(1020), "an ELF file"),
    ],
)
def test_what_is_no_image_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(TargetError, match=said):
        linux_vm(image=tmp_path / "bad")


@needs_busybox
@needs_ext4
@pytest.mark.parametrize("share", [1, 50, 90])
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_truncated_image_is_refused(image_format: str, share: int, tmp_path: Path) -> None:
    disk = image(tmp_path, image_format)
    os.truncate(disk, disk.stat().st_size * share // 100)
    with pytest.raises(TargetError, match=r": truncated(: its file system has| or damaged: )"):
        linux_vm(image=disk)


# kernels that don't work ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"hello", "neither an ELF file nor a bzImage"),
        (b"\x7fELF\x01\x01", "not a 64-bit"),
    ],
)
def test_what_is_no_kernel_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(TargetError, match=said):
        linux_vm(kernel=tmp_path / "bad")


@pytest.mark.parametrize("name", ["vmlinux", "bzImage"])
def test_a_truncated_kernel_is_refused(name: str, tmp_path: Path) -> None:
    whole = (kernel().directory / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TargetError, match=r"truncated: expected \d+ bytes, found \d+"):
        linux_vm(kernel=tmp_path / name)


def test_a_kernel_for_another_architecture_is_refused(tmp_path: Path) -> None:
    other = bytearray(kernel().vmlinux.read_bytes())
    other[18:20] = (183).to_bytes(2, "little")  # Source: elf.h, EM_AARCH64
    (tmp_path / "arm").write_bytes(other)
    with pytest.raises(TargetError, match="not for x86-64"):
        linux_vm(kernel=tmp_path / "arm")


def test_a_kernel_that_panics_is_a_guest_panic_with_its_last_lines(session: Session) -> None:
    log = booted(session, linux_vm(append="rdinit=/nothing root=/dev/none"))
    assert outcomes(log) == [Outcome.GUEST_PANIC]
    assert "Kernel panic - not syncing" in log.tails[0]


def test_a_guest_that_never_gets_ready_ends_with_its_time(session: Session) -> None:
    log = launched(session, linux_vm(ready="no such line", shutdown=False), 1, timeout_s=2.0)
    assert outcomes(log) == [Outcome.TIMEOUT]


def test_a_guest_that_reboots_before_its_marker_is_not_ready(session: Session) -> None:
    log = booted(session, linux_vm(ready="no such line"))
    assert outcomes(log) == [Outcome.NOT_READY]


def test_too_little_memory_is_refused_with_what_is_needed() -> None:
    with pytest.raises(TargetError, match=r"memory_mib must be >= \d+ .*got 8"):
        linux_vm(memory_mib=8)


def test_too_little_memory_for_an_initrd_of_the_users_is_refused(tmp_path: Path) -> None:
    (tmp_path / "initrd").write_bytes(bytes(40 << 20))
    with pytest.raises(TargetError, match="for this kernel and its initrd, got 48"):
        linux_vm(initrd=tmp_path / "initrd", memory_mib=48, machine="microvm")


def test_no_kernel_at_all_is_unavailable_with_the_command_that_cures_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("pytest_unikernel.targets.qemu.kernel_file.BOOT", tmp_path)
    monkeypatch.setattr("pytest_unikernel.targets.qemu.kernel_file.default_kernel.__defaults__", (tmp_path,))
    missing = linux_vm().probe
    assert missing is not None
    assert "build linux-kernel" in str(missing())


# KVM ------------------------------------------------------------------------------------------------------


def test_kvm_boots_linux_or_says_why_not(session: Session) -> None:
    target = linux_vm(kvm=True)
    assert target.probe is not None
    missing = target.probe()
    if missing is None:
        assert outcomes(booted(session, target)) == [OK]
    else:
        assert "kvm" in missing.reason.lower()
        assert missing.cure
