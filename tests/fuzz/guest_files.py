"""Kernels and disk images: files of the user's."""

from __future__ import annotations

import functools
import gzip
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from random import Random
from unittest import mock

import damage
from asked import sentence
from cases import Reader
from kernelfiles import bzimage

from pytest_unikernel.errors import BuildError, TargetError
from pytest_unikernel.guests.build.elf import memory_end, why_not_pvh, why_truncated
from pytest_unikernel.guests.build.rust_kernel import shipped_kernel
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu.disk_image import given_image
from pytest_unikernel.targets.qemu.kernel_file import KernelFile, default_kernel, given_kernel

HEADER_BYTES = 0x300
ODD_WORDS = (
    0,
    1,
    7,
    0x7F,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0xFFFFFFFF,
    0x7FFFFFFFFFFFFFFF,
    0xFFFFFFFFFFFFFFFF,
    64,
    56,
)
EXT4_BYTES = 4096


def _kernels() -> list[bytes]:
    elf = shipped_kernel().read_bytes()
    return [elf, bzimage(elf), bzimage(gzip.compress(elf)), bzimage(b"\x28\xb5\x2f\xfd" + elf[:100])]


def _change(random: Random, content: bytes) -> bytes:
    """Return a file with an odd number in its header, or damaged anywhere."""
    if random.random() < 0.25 or len(content) < 16:
        return damage.edited(random, content)
    form, size = random.choice((("<B", 1), ("<H", 2), ("<I", 4), ("<Q", 8)))
    made = bytearray(content)
    most = min(len(content), HEADER_BYTES) - size
    struct.pack_into(form, made, random.randint(0, most), random.choice(ODD_WORDS) % (1 << (8 * size)))
    return bytes(made)


def _kernel(content: bytes, place: Path) -> None:
    """Take a file as a kernel, or say why it is none; all that is asked of a kernel has an answer."""
    path = place / "vmlinuz-6.1"
    path.write_bytes(content)
    assert isinstance(why_not_pvh(path), str | None)
    assert isinstance(why_truncated(path), str | None)
    try:
        assert memory_end(path) >= 0
    except BuildError as error:
        sentence(error)
    with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(place / "cache")}):
        try:
            assert given_kernel(path).versions()
        except TargetError as error:
            sentence(error)
        assert isinstance(default_kernel(path, place), KernelFile | Unavailable)


def _raw() -> bytes:
    """Return the beginning of an ext4 file system."""
    image = bytearray(EXT4_BYTES)
    struct.pack_into("<I", image, 1024 + 4, 1)
    struct.pack_into("<I", image, 1024 + 24, 0)
    struct.pack_into("<H", image, 1024 + 56, 0xEF53)
    return bytes(image)


def _image(content: bytes, place: Path) -> None:
    """Take a file as a disk image, or say why it is none."""
    path = place / "image"
    path.write_bytes(content)
    try:
        assert given_image(path).versions()
    except TargetError as error:
        sentence(error)


@functools.cache
def _qcow2() -> list[bytes]:
    """Return an image made by qemu-img; the header alone where there is none, which is refused anyway."""
    program = shutil.which("qemu-img")
    if program is None:
        return [b"QFI\xfb\0\0\0\3" + bytes(600)]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "i.qcow2"
        subprocess.run([program, "create", "-q", "-f", "qcow2", str(path), "1M"], check=True)
        return [path.read_bytes()]


READERS = (
    Reader("kernel", 1000, _kernels, _change, _kernel),
    Reader("raw-image", 500, lambda: [_raw()], _change, _image),
    Reader("qcow2-image", 60, _qcow2, _change, _image),
)
