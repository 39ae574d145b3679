"""Faults of virtual machines: ``rust_kernel`` and ``linux_vm``."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faults import UNAVAILABLE, Fault
from kernelfiles import bzimage

from pytest_unikernel.guests.build.rust_kernel import shipped_kernel
from pytest_unikernel.plan.target import Target
from pytest_unikernel.targets.qemu.linux_vm import linux_vm
from pytest_unikernel.targets.qemu.rust_kernel import RUST_KERNEL

AARCH64 = 183  # e_machine
DISK_BYTES = 1 << 20
HALT = bytes.fromhex("faf4ebfd").ljust(510, b"\0") + b"\x55\xaa"  # cli; hlt; jmp back


def rust(
    kind: str, content: Callable[[bytes], bytes] | None, expected: str, words: str = "", **more: Any
) -> Fault:
    """Return the fault of an image made of the shipped kernel; None gives it none."""
    parameters = more.pop("parameters", {})

    def make(place: Path) -> Target:
        if content is None:
            return RUST_KERNEL(**parameters)
        image = place / "image"
        image.write_bytes(content(shipped_kernel().read_bytes()))
        return RUST_KERNEL(image=image, **parameters)

    return Fault(kind, "rust_kernel", make, expected, words, **more)


def vm(kind: str, content: bytes | None, expected: str, words: str = "", **more: Any) -> Fault:
    """Return the fault of a file, given as ``kernel`` or as the parameter in ``named``."""
    named, parameters = more.pop("named", "kernel"), more.pop("parameters", {})

    def make(place: Path) -> Target:
        path = place / "file"
        if content is not None:
            path.write_bytes(content)
        given: dict[str, Any] = {named: path} if named else {}
        return linux_vm(**given, **parameters)

    return Fault(kind, "linux_vm", make, expected, words, **more)


def _foreign(kernel: bytes) -> bytes:
    return kernel[:18] + bytes([AARCH64]) + kernel[19:]


def _loaded_too_high(kernel: bytes) -> bytes:
    """Return the kernel whose first segment is loaded at a gigabyte."""
    made = bytearray(kernel)
    struct.pack_into("<Q", made, 64 + 24, 1 << 30)
    return bytes(made)


QCOW2 = b"QFI\xfb" + struct.pack(">IQIIQ", 3, 0, 0, 16, 1 << 20) + bytes(2000)
TRUNCATED_EXT4 = bytes(1024) + struct.pack("<II", 0, 1 << 20) + bytes(48) + b"\x53\xef" + bytes(4000)

ROWS = (
    rust("kernel cut short", lambda it: it[:4096], "not-ready", "Error while loading elf kernel"),
    rust("kernel for another machine", _foreign, "not-ready"),
    rust("a program instead of a kernel", lambda _: Path("/bin/true").read_bytes(), "not-ready", "PVH"),
    rust("kernel too big for the memory", _loaded_too_high, "not-ready"),
    rust("image empty", lambda _: b"", "TargetError"),
    rust("disk without boot code", lambda _: bytes(DISK_BYTES), "not-ready", "No bootable device"),
    rust(
        "guest halts for ever",
        lambda _: HALT.ljust(DISK_BYTES, b"\0"),
        "timeout",
        timeout_s=1.5,
        by_hand=True,
    ),
    rust("QEMU missing", None, UNAVAILABLE, "/nowhere/qemu", parameters={"qemu": "/nowhere/qemu"}),
    rust("QEMU that isn't one", None, UNAVAILABLE, "/bin/true", parameters={"qemu": "/bin/true"}),
    rust("machine unknown", None, "TargetError", "isapc", parameters={"machine": "isapc"}),
    rust("no memory to speak of", None, "TargetError", "memory_mib", parameters={"memory_mib": 1}),
    vm("kernel missing", None, "TargetError", "No such file"),
    vm("kernel empty", b"", "TargetError", "an empty file"),
    vm("kernel is text", b"no kernel\n" * 100, "TargetError", "neither an ELF file nor a bzImage"),
    vm("kernel cut short", bzimage(bytes(4096))[:2048], "TargetError", "truncated"),
    vm("kernel for another machine", _foreign(shipped_kernel().read_bytes()), "TargetError", "ELF machine"),
    vm("initrd missing", None, "TargetError", "file", named="initrd"),
    vm("disk image missing", None, "TargetError", "No such file", named="image"),
    vm("disk image empty", b"", "TargetError", "an empty file", named="image"),
    vm("disk image cut short", TRUNCATED_EXT4, "TargetError", "truncated", named="image"),
    vm("disk image corrupt", QCOW2, "TargetError", "qemu-img", named="image"),
    vm("disk image of another format", b"KDMV" + bytes(2000), "TargetError", "vmdk", named="image"),
    vm("QEMU missing", None, UNAVAILABLE, "/nowhere/qemu", named="", parameters={"qemu": "/nowhere/qemu"}),
    vm("machine unknown", None, "TargetError", "isapc", named="", parameters={"machine": "isapc"}),
    vm(
        "init missing",
        None,
        "guest-panic",
        "",
        named="",
        parameters={"append": "rdinit=/nowhere init=/nowhere"},
    ),
)
