"""The Rust kernel as a target, for real: QEMU started as a load starts it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import time
from pathlib import Path

import pytest
from needed import needs_cargo, needs_qemu

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.crate_files import CRATE, new_crate
from pytest_unikernel.guests.build.rust_kernel import shipped_kernel
from pytest_unikernel.launch.one_by_one import run_cold
from pytest_unikernel.launch.output import TAIL_BYTES
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.targets.qemu.rust_kernel import RUST_KERNEL

pytestmark = needs_qemu

TIMEOUT_S = 30.0
PRINT = 'println!("Hello {number}!");'
SECTOR_BYTES, IMAGE_BYTES = 512, 1 << 20
# 16-bit code: mov edx, 0xf4; mov eax, 0x10; out dx, eax. It ends QEMU with status 33.
SUCCEED = bytes.fromhex("66baf4000000 66b810000000 66ef")
WRITE_THEN_SUCCEED = (
    # mov ax, 0x0301 (write one); mov cx, 2 (the second sector); mov dx, 0x80; mov bx, 0x7c00; int 0x13
    bytes.fromhex("b80103 b90200 ba8000 bb007c cd13") + SUCCEED
)
HALT = bytes.fromhex("faf4ebfd")  # cli; hlt; jmp back


def launched(target: Target, directory: Path, launches: int = 2, timeout_s: float = TIMEOUT_S) -> LaunchLog:
    """Load it like `cold_start` does: probe, versions, then one after the other."""
    missing = target.probe() if target.probe is not None else None
    assert missing is None, str(missing)
    supervisor = ProcessSupervisor(target, Runtime(secrets.token_hex(16), directory), timeout_s)
    try:
        return run_cold(supervisor, launches, unmeasured=0).log
    finally:
        supervisor.close()


def versions(target: Target) -> dict[str, str]:
    assert callable(target.versions)
    return dict(target.versions())


def disk(path: Path, code: bytes, signature: bytes = b"\x55\xaa") -> Path:
    path.write_bytes(code.ljust(SECTOR_BYTES - 2, b"\0") + signature + bytes(IMAGE_BYTES - SECTOR_BYTES))
    return path


@pytest.fixture
def load(tmp_path: Path) -> Path:
    directory = tmp_path / "load"
    directory.mkdir()
    return directory


@pytest.fixture
def crate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    new_crate(tmp_path / "mine")
    return tmp_path / "mine"


def let_it(crate: Path, code: str) -> None:
    source = (CRATE / "src" / "application.rs").read_text()
    assert PRINT in source
    (crate / "src" / "application.rs").write_text(source.replace(PRINT, f"let _ = number;\n    {code}"))


# machines -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", ["microvm", "pc", "q35"])
def test_the_shipped_kernel_runs_on_every_machine(machine: str, load: Path) -> None:
    target = RUST_KERNEL(machine=machine)
    log = launched(target, load)
    assert set(log.outcome) == {Outcome.COMPLETED}
    assert set(log.status) == {33}
    assert versions(target)["machine"] == machine


def test_memory_cpus_and_command_line_are_taken(load: Path) -> None:
    log = launched(RUST_KERNEL(memory_mib=64, cpus=2, cpu="max", append="a b"), load)
    assert set(log.outcome) == {Outcome.COMPLETED}


def test_success_needs_the_greeting_too(load: Path) -> None:
    assert set(launched(RUST_KERNEL(output="Hello 43!"), load).outcome) == {Outcome.NOT_READY}


def test_the_versions_tell_what_is_really_used() -> None:
    told = versions(RUST_KERNEL)
    digest = hashlib.sha256(shipped_kernel().read_bytes()).hexdigest()
    assert told["kernel"].startswith("shipped sha256:")
    assert told["kernel"].rpartition(":")[2] == digest[:16]
    assert {told["accelerator"], told["firmware"], told["cpu"]} == {"tcg", "qboot.rom", "qemu64"}
    assert told["qemu"][0].isdigit()


def test_kvm_runs_with_kvm_or_says_why_not(load: Path) -> None:
    target = RUST_KERNEL(kvm=True)
    assert target.full_name == "rust_kernel[kvm]"
    assert target.probe is not None
    missing = target.probe()
    if missing is None:
        assert set(launched(target, load).outcome) == {Outcome.COMPLETED}
        assert versions(target)["accelerator"] == "kvm"
        assert versions(target)["cpu"].startswith("host")
    else:
        assert "kvm" in missing.reason.lower()
        assert missing.cure
    assert "tcg" not in target.argv


def test_a_missing_qemu_is_unavailable_and_not_an_error() -> None:
    probe = RUST_KERNEL(qemu="/nowhere/qemu").probe
    assert probe is not None
    assert isinstance(probe(), Unavailable)


def test_the_console_goes_to_the_terminal(load: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = launched(RUST_KERNEL(console=True), load, launches=1)
    assert log.outcome[0] == Outcome.COMPLETED
    assert capfd.readouterr().out == "Hello 42!\n"


# the user's images --------------------------------------------------------------------------------


def test_a_kernel_of_ones_own_succeeds_by_its_status_alone(tmp_path: Path, load: Path) -> None:
    image = tmp_path / "mine.elf"
    image.write_bytes(shipped_kernel().read_bytes().replace(b"Hello ", b"Salve "))
    assert set(launched(RUST_KERNEL(image=image), load).outcome) == {Outcome.COMPLETED}


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_a_disk_image_boots(machine: str, tmp_path: Path, load: Path) -> None:
    image = disk(tmp_path / "a, b.bin", SUCCEED)
    assert set(launched(RUST_KERNEL(image=image, machine=machine), load).outcome) == {Outcome.COMPLETED}


def test_what_a_guest_writes_never_reaches_the_image(tmp_path: Path, load: Path) -> None:
    image = disk(tmp_path / "disk.bin", WRITE_THEN_SUCCEED)
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    assert set(launched(RUST_KERNEL(image=image), load).outcome) == {Outcome.COMPLETED}
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before
    assert not any(load.rglob("vl.*"))


def test_an_image_is_only_ever_opened_for_reading(tmp_path: Path, load: Path) -> None:
    """So that it need not be writable; permissions alone would prove nothing to root."""
    image = disk(tmp_path / "disk.bin", HALT)
    image.chmod(0o444)
    target = RUST_KERNEL(image=image)
    load_ends = threading.Thread(target=launched, args=(target, load, 1, 3.0))
    load_ends.start()
    flags: set[int] = set()
    while load_ends.is_alive():
        flags |= open_flags(image)
        time.sleep(0.02)
    assert flags
    assert {flag & os.O_ACCMODE for flag in flags} == {os.O_RDONLY}


def open_flags(file: Path) -> set[int]:
    """Return the flags with which processes hold the file open, our own read-only access included."""
    found = set()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # it has been closed meanwhile
            if descriptor.readlink() == file:
                info = (descriptor.parent.parent / "fdinfo" / descriptor.name).read_text()
                found.add(int(info.split("flags:")[1].split()[0], 8))
    return found


# images that don't boot ---------------------------------------------------------------------------


@pytest.mark.parametrize("kept_bytes", [4, 64, 100, 4096, 8192])
def test_a_truncated_kernel_is_not_ready_and_qemu_says_so(
    kept_bytes: int, tmp_path: Path, load: Path
) -> None:
    image = tmp_path / "cut.elf"
    image.write_bytes(shipped_kernel().read_bytes()[:kept_bytes])
    log = launched(RUST_KERNEL(image=image), load)
    assert set(log.outcome) == {Outcome.NOT_READY}
    assert "Error while loading elf kernel" in log.tails[0]


def test_a_linux_program_is_not_ready(load: Path) -> None:
    log = launched(RUST_KERNEL(image="/bin/true"), load)
    assert set(log.outcome) == {Outcome.NOT_READY}
    assert "PVH" in log.tails[0]


def test_a_kernel_for_another_machine_is_not_ready(tmp_path: Path, load: Path) -> None:
    data = bytearray(shipped_kernel().read_bytes())
    data[18] = 183  # e_machine: AArch64
    image = tmp_path / "arm.elf"
    image.write_bytes(data)
    assert set(launched(RUST_KERNEL(image=image), load).outcome) == {Outcome.NOT_READY}


@pytest.mark.parametrize("content", [bytes(IMAGE_BYTES), b"#!/bin/sh\n", b"\x7fELG" * 1000])
def test_a_disk_that_does_not_boot_is_not_ready_with_the_firmwares_words(
    content: bytes, tmp_path: Path, load: Path
) -> None:
    image = tmp_path / "disk.bin"
    image.write_bytes(content)
    log = launched(RUST_KERNEL(image=image), load)
    assert set(log.outcome) == {Outcome.NOT_READY}
    assert "No bootable device." in log.tails[0]


def test_a_guest_that_halts_for_ever_ends_with_its_time(tmp_path: Path, load: Path) -> None:
    image = disk(tmp_path / "disk.bin", HALT)
    log = launched(RUST_KERNEL(image=image), load, launches=1, timeout_s=1.0)
    assert log.outcome[0] == Outcome.TIMEOUT
    assert "Booting from Hard Disk" in log.tails[0]


@pytest.mark.parametrize("begin_bytes", range(4096, 8192, 512))
def test_a_corrupt_kernel_panics_or_is_not_ready(begin_bytes: int, tmp_path: Path, load: Path) -> None:
    data = bytearray(shipped_kernel().read_bytes())
    data[begin_bytes : begin_bytes + 512] = b"\xff" * 512
    image = tmp_path / "corrupt.elf"
    image.write_bytes(data)
    log = launched(RUST_KERNEL(image=image), load, launches=1, timeout_s=5.0)
    assert set(log.outcome) <= {Outcome.NOT_READY, Outcome.GUEST_PANIC, Outcome.COMPLETED}


def test_the_status_of_a_panic_is_enough(tmp_path: Path, load: Path) -> None:
    panic = SUCCEED.replace(bytes.fromhex("66b810"), bytes.fromhex("66b811"))
    log = launched(RUST_KERNEL(image=disk(tmp_path / "disk.bin", panic)), load, launches=1)
    assert (log.status[0], log.outcome[0]) == (35, Outcome.GUEST_PANIC)


# crates -------------------------------------------------------------------------------------------


@needs_cargo
def test_a_crate_is_built_when_its_load_starts(crate: Path, load: Path) -> None:
    let_it(crate, 'println!("mine");')
    target = RUST_KERNEL(crate=crate, output="mine")
    assert set(launched(target, load).outcome) == {Outcome.COMPLETED}
    assert versions(target)["kernel"].startswith("mine sha256:")
    assert versions(target)["rustc"].startswith("rustc ")


@needs_cargo
def test_a_panic_is_a_guest_panic_with_its_message(crate: Path, load: Path) -> None:
    let_it(crate, 'panic!("on purpose");')
    log = launched(RUST_KERNEL(crate=crate), load)
    assert set(log.outcome) == {Outcome.GUEST_PANIC}
    assert "on purpose" in log.tails[0]


@needs_cargo
def test_a_guest_that_prints_without_end_is_bounded_in_memory_and_time(crate: Path, load: Path) -> None:
    let_it(crate, 'loop { println!("again and again"); }')
    log = launched(RUST_KERNEL(crate=crate), load, launches=1, timeout_s=1.0)
    assert log.outcome[0] == Outcome.TIMEOUT
    assert 0 < len(log.tails[0]) <= TAIL_BYTES


@needs_cargo
def test_a_crate_that_does_not_compile_fails_with_the_compilers_words(crate: Path) -> None:
    let_it(crate, "this is not rust")
    probe = RUST_KERNEL(crate=crate).probe
    assert probe is not None
    with pytest.raises(BuildError, match="expected one of"):
        probe()


@needs_cargo
def test_a_crate_that_changes_before_its_load_is_not_mistaken_for_what_was_asked(crate: Path) -> None:
    target = RUST_KERNEL(crate=crate)
    let_it(crate, 'println!("later");')
    assert target.probe is not None
    with pytest.raises(BuildError, match="changed after"):
        target.probe()
