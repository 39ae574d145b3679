"""Disk images of the user's: what format, whether whole, whether somebody writes to it; only ever read."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import struct
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build import qemu_img
from pytest_unikernel.plan.target_fields import Unavailable

START_BYTES = 4096
SECTOR = 512
QCOW2 = b"QFI\xfb"
OTHERS = {b"KDMV": "vmdk", b"<<< ": "vdi", b"conectix": "vpc", b"vhdxfile": "vhdx"}
# Source: Documentation/filesystems/ext4/super.rst: blocks at 4, block size at 24, magic at 56.
EXT_AT, EXT_MAGIC = 1024, 0xEF53
# Source: QEMU's block/file-posix.c: byte 100 + n is locked by who holds permission n; 1 is BLK_PERM_WRITE.
WRITER_BYTE = 101
F_OFD_GETLK = 36  # Source: fcntl(2), <bits/fcntl-linux.h>
FLOCK = struct.Struct("hhqqi4x")
BLOCK_DEVICES = Path("/sys/block")


class DiskImage(NamedTuple):
    """A file with a file system for a guest."""

    path: str
    format: str

    def versions(self) -> dict[str, str]:
        """Return what it is, for the record."""
        found = Path(self.path).stat()
        about = f"{self.format}, {found.st_size} bytes, changed {found.st_mtime:.0f}"
        return {"image": f"{Path(self.path).name} {about}"}

    def why_not(self) -> Unavailable | None:
        """Return why it can't be read now, or None.

        Raises:
            TargetError: it is damaged.
        """
        if is_written_to(self.path):
            return Unavailable(
                f"image={self.path!r} is in use: another process has it open for writing",
                "end that process (a running virtual machine?), or use a copy of the image",
            )
        device = loop_device(self.path)
        if device is not None:
            return Unavailable(
                f"image={self.path!r} is in use: it is attached to {device}",
                f"unmount it, then losetup --detach {device}",
            )
        return _why_not_checked(self.path) if self.format == "qcow2" else None


def given_image(path: Path) -> DiskImage:
    """Return the image of that path.

    Raises:
        TargetError: it can't be read, is empty or truncated, or isn't raw or qcow2.
    """
    expected = _expected(str(path))
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise TargetError(f"{expected}: {error.strerror}") from error
    reason = _why_not_an_image(start, size)
    if reason is not None:
        raise TargetError(f"{expected}: {reason}")
    if not start.startswith(QCOW2):
        return DiskImage(os.path.abspath(path), "raw")  # noqa: PTH100
    image = DiskImage(os.path.abspath(path), "qcow2")  # noqa: PTH100
    if not is_written_to(image.path):  # in use, or no qemu-img: why_not() tells
        _why_not_checked(image.path)
    return image


def _expected(path: str) -> str:
    return f"linux_vm: expected image= to name a raw or qcow2 disk image, got {path!r}"


def _why_not_checked(path: str) -> Unavailable | None:
    """Check a qcow2 image, once per state of the file; return why that can't be done here, or None.

    Raises:
        TargetError: it is damaged.
    """
    program = qemu_img.find()
    if program is None:
        return Unavailable(f"no {qemu_img.PROGRAM} on PATH to check image={path!r}", qemu_img.INSTALL)
    found = Path(path).stat()
    _refuse_damaged(program, path, found.st_size, found.st_mtime_ns)
    return None


@functools.cache
def _refuse_damaged(program: str, path: str, _size: int, _mtime_ns: int) -> None:
    reason = qemu_img.why_not_usable(program, path)
    if reason is not None:
        raise TargetError(f"{_expected(path)}: {reason}")


def _why_not_an_image(start: bytes, size: int) -> str | None:
    if size < SECTOR:
        return "an empty file" if not size else f"a file of {size} bytes"
    other = next((name for magic, name in OTHERS.items() if start.startswith(magic)), None)
    if other is not None:
        return f"its format is {other}; convert it: qemu-img convert -O qcow2 FILE NEW"
    if start.startswith((b"\x7fELF", b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return "an ELF file or a compressed one"
    return _why_truncated(start, size)


def _why_truncated(start: bytes, size: int) -> str | None:
    if len(start) < EXT_AT + 64 or struct.unpack_from("<H", start, EXT_AT + 56)[0] != EXT_MAGIC:
        return None  # partitions, or another file system: the guest's to judge
    blocks, log_block = (struct.unpack_from("<I", start, EXT_AT + at)[0] for at in (4, 24))
    whole = blocks << (10 + log_block)
    return None if size >= whole else f"truncated: its file system has {whole} bytes, but the file {size}"


def is_written_to(path: str) -> bool:
    """Return whether a QEMU holds the image open for writing: it locks a byte of the file for as long."""
    wanted = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, WRITER_BYTE, 1, 0)
    with open(path, "rb") as file:  # noqa: PTH123
        answer = FLOCK.unpack(fcntl.fcntl(file, F_OFD_GETLK, wanted))
    return bool(answer[0] != fcntl.F_UNLCK)


def loop_device(path: str) -> str | None:
    """Return the loop device that the file is attached to, or None. Source: Linux's drivers/block/loop.c."""
    for backing in BLOCK_DEVICES.glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if Path(path).samefile(backing.read_text().rstrip("\n")):
                return f"/dev/{backing.parents[1].name}"
    return None
