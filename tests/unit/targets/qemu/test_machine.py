"""QEMU's arguments as text, and its probes without a QEMU."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu import kvm
from pytest_unikernel.targets.qemu import machine as qemu
from pytest_unikernel.targets.qemu.linux_vm import linux_vm
from pytest_unikernel.targets.qemu.machine import Machine, Qemu, Screen

BOOT = qemu.kernel_boot("/k.elf", None)


def argv(machine: Machine = Machine(), screen: Screen = Screen()) -> tuple[str, ...]:  # noqa: B008 - frozen
    return qemu.arguments("qemu", machine, screen, BOOT)


def value_of(option: str, given: tuple[str, ...]) -> str:
    assert given.count(option) == 1
    return given[given.index(option) + 1]


@pytest.mark.parametrize("kind", qemu.MACHINES)
@pytest.mark.parametrize("screen", [Screen(), Screen(terminal=True), Screen(window=True)])
def test_no_machine_has_a_network_a_monitor_or_default_devices(kind: str, screen: Screen) -> None:
    given = argv(Machine(kind), screen)
    assert {"-nodefaults", "-no-user-config", "-no-reboot"} <= set(given)
    assert value_of("-nic", given) == value_of("-monitor", given) == "none"


def test_without_a_window_qemu_is_sandboxed_and_shows_nothing() -> None:
    given = argv()
    assert value_of("-display", given) == "none"
    assert "spawn=deny" in value_of("-sandbox", given)


def test_microvm_names_its_firmware_and_pc_keeps_its_own() -> None:
    assert value_of("-bios", argv(Machine("microvm"))) == qemu.FIRMWARE
    assert "-bios" not in argv(Machine("pc"))


def test_memory_cpus_accelerator_and_model_are_passed_on() -> None:
    given = argv(Machine("q35", 64, 3, "kvm", "host"))
    assert [value_of(option, given) for option in ("-M", "-m", "-smp", "-accel", "-cpu")] == [
        "q35",
        "64",
        "3",
        "kvm",
        "host",
    ]


def test_a_linux_machine_with_a_window_is_a_pc_whose_kernel_writes_there_and_on_the_console() -> None:
    """``start_linux.sh -d``."""
    given = tuple(linux_vm(display=True).argv)
    assert value_of("-display", given) == qemu.WINDOW
    assert value_of("-M", given) == "pc"
    assert value_of("-vga", given) == "std"
    assert value_of("-append", given).split()[:2] == ["console=tty0", "console=ttyS0"]
    assert "-sandbox" not in given
    assert value_of("-display", tuple(linux_vm(console=True).argv)) == "none"


def test_on_a_terminal_qemu_only_writes_so_that_it_is_not_stopped_in_the_background() -> None:
    given = argv(screen=Screen(terminal=True))
    assert "stdio" not in given
    assert "append=on" in value_of("-chardev", given)


def test_a_disk_is_always_booted_on_a_snapshot_and_a_comma_in_its_name_is_doubled() -> None:
    drive = value_of("-drive", qemu.disk_boot("/a,snapshot=off.bin", Screen()))
    assert drive == "file=/a,,snapshot=off.bin,format=raw,snapshot=on"


def test_a_kernel_gets_its_command_line_as_one_argument() -> None:
    assert qemu.kernel_boot("/k", "a b")[-2:] == ("-append", "a b")


@pytest.mark.parametrize(
    "text",
    [
        "qemu-system-x86_64: Error while loading elf kernel",
        "qemu-system-x86_64: Error loading uncompressed kernel without PVH ELF Note",
        "qemu: could not load kernel '/x'",
        "No bootable device.\r",
    ],
)
def test_what_qemu_and_the_firmware_say_about_a_bad_image_is_known(text: str) -> None:
    assert re.search(qemu.NOT_BOOTABLE, text.encode())


def test_the_greeting_of_a_bios_is_not_taken_for_a_failure() -> None:
    assert not re.search(qemu.NOT_BOOTABLE, b"SeaBIOS (version 1.16.2)\r\nBooting from Hard Disk..")


# probes -------------------------------------------------------------------------------------------


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The answers of a simulated QEMU, by the last argument."""
    (tmp_path / qemu.FIRMWARE).touch()
    said = {"-version": "QEMU emulator version 8.1.2 (Debian)\n", "help": f"{tmp_path}\n"}
    monkeypatch.setattr(qemu, "_ask", lambda _, *arguments: said[arguments[-1]])
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    qemu._asked.cache_clear()
    yield said
    qemu._asked.cache_clear()


def refusal() -> Unavailable:
    found = qemu.find(None)
    assert isinstance(found, Unavailable)
    return found


def test_a_usable_qemu_is_found_with_its_version(answers: dict[str, str]) -> None:
    assert qemu.find(None) == Qemu(f"/usr/bin/{qemu.PROGRAM}", "8.1.2")


def test_an_old_qemu_is_refused_with_the_version_to_get(answers: dict[str, str]) -> None:
    answers["-version"] = "QEMU emulator version 4.2.1"
    assert "4.2.1" in refusal().reason
    assert "5.2" in refusal().cure


def test_a_qemu_that_can_not_be_run_is_refused_with_what_it_says(answers: dict[str, str]) -> None:
    answers["-version"] = "qemu: -sandbox support is not enabled in this QEMU!"
    assert "-sandbox support is not enabled" in refusal().reason


def test_missing_firmware_is_named(answers: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / qemu.FIRMWARE).unlink()
    assert qemu.FIRMWARE in refusal().reason


def test_no_qemu_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert str(refusal()) == "no qemu-system-x86_64 on PATH; apt-get install qemu-system-x86"
    assert "'/my/qemu'" in str(qemu.find("/my/qemu"))


def test_a_window_without_a_display_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "neither DISPLAY nor WAYLAND_DISPLAY" in str(qemu.why_no_window("qemu"))


def test_a_window_needs_a_qemu_that_has_one(answers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    answers["help"] = "none\ncurses\n"
    assert qemu.why_no_window("qemu") is not None
    answers["help"] = "none\ngtk\n"
    assert qemu.why_no_window("qemu") is None


# KVM ----------------------------------------------------------------------------------------------


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "kvm"
    path.touch()
    monkeypatch.setattr(kvm, "DEVICE", path)
    kvm._tried.cache_clear()
    yield path
    kvm._tried.cache_clear()


def test_without_the_device_kvm_is_unavailable(device: Path) -> None:
    device.unlink()
    assert f"no {device}" in str(kvm.usable("qemu"))


def test_a_device_that_is_not_ours_names_the_user_and_the_group(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert str(kvm.usable("qemu")).endswith("is not writable by uid 1000; add the user to the group kvm")


def test_the_nearest_cpu_that_works_is_taken_and_tried_once(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def why_not(program: str, cpu: str) -> str | None:
        tried.append(cpu)
        return "failed to set MSR" if cpu == "host" else None

    monkeypatch.setattr(kvm, "why_not", why_not)
    assert [kvm.usable("qemu"), kvm.usable("qemu")] == [kvm.Kvm("host,-arch-capabilities")] * 2
    assert tried == ["host", "host,-arch-capabilities"]


def test_a_broken_kvm_is_unavailable_with_each_reason(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm, "why_not", lambda _, cpu: f"no {cpu}")
    usable = kvm.usable("qemu")
    assert isinstance(usable, Unavailable)
    assert all(f"-cpu {cpu}: no {cpu}" in usable.reason for cpu in kvm.CPUS)


def test_a_cpu_that_was_asked_for_is_the_only_one_tried(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kvm, "why_not", lambda _, cpu: None if cpu == "max" else "no")
    assert kvm.usable("qemu", "max") == kvm.Kvm("max")


def test_the_telling_line_is_shown_and_not_the_last() -> None:
    output = b"error: failed to set MSR 0x10a to 0x69\nqemu: assertion failed\n"
    assert kvm._telling(output) == "error: failed to set MSR 0x10a to 0x69"
