"""Linux kernels as files: the choice of one, its faults, and the fastest way to boot it.

Source: Documentation/arch/x86/boot.rst (the header of a bzImage).
"""

from __future__ import annotations

import bz2
import functools
import hashlib
import lzma
import os
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build.cache import cache_directory, private
from pytest_unikernel.guests.build.elf import why_not_pvh, why_truncated
from pytest_unikernel.guests.build.packaged_kernel import packaged_kernels
from pytest_unikernel.plan.target_fields import Unavailable

ELF = b"\x7fELF"
MAGIC, MAGIC_AT = b"HdrS", 0x202
SETUP_SECTORS_AT, VERSION_AT, SYSTEM_SIZE_AT, LOAD_FLAGS_AT = 0x1F1, 0x20E, 0x1F4, 0x236
PAYLOAD_AT = 0x248
SECTOR, PARAGRAPH = 512, 16
IS_64_BIT = 1  # xloadflags, bit 0
START_BYTES = 0x300
PART_BYTES = 1 << 20
# Source: init/version-timestamp.c, linux_banner; a release has 64 bytes at most (__NEW_UTS_LEN).
VERSION, VERSION_BYTES = re.compile(rb"Linux version (\S{1,64})\s"), 80
# A kernel of a distribution has 30 to 100 MB. A small file can unpack to any size.
MOST_UNPACKED_BYTES = 512 << 20
PATIENCE_S = 60.0
BOOT = Path("/boot")
CURE = "pytest-unikernel build linux-kernel, or give linux_vm(kernel=…)"
QUICK_CURE = "pytest-unikernel build linux-kernel --packaged (Debian, Ubuntu; seconds); or " + CURE


class KernelFile(NamedTuple):
    """A kernel and how it is booted.

    Attributes:
        path: the path for QEMU; made by ``prepare``.
        given: the file it comes from.
        boot: ``pvh``, or ``bzImage`` for the boot protocol of PCs.
        version: the kernel's own word, or an empty text.
        prepare: makes ``path``, or returns why that is not possible here.
    """

    path: str
    given: str
    boot: str
    version: str
    prepare: Callable[[], Unavailable | None] = lambda: None

    def versions(self) -> dict[str, str]:
        """Return the description of the kernel, for the record."""
        digest = hashlib.sha256(Path(self.given).read_bytes()).hexdigest()[:16]
        name = Path(self.given).name
        return {"kernel": f"{self.version or name} sha256:{digest}", "boot": self.boot}


def given_kernel(path: Path) -> KernelFile:
    """Return the kernel of that path.

    Raises:
        TargetError: it can't be read, or isn't a kernel for x86-64.
    """
    try:
        return _kernel(path)
    except _NotAKernelError as error:
        raise TargetError(
            f"linux_vm: expected kernel= to name a bzImage or an x86-64 vmlinux, got {str(path)!r}: {error}"
        ) from error


def _kernel(path: Path) -> KernelFile:
    try:
        found = path.stat()
        return _examined(os.path.abspath(path), found.st_size, found.st_mtime_ns)  # noqa: PTH100 - links stay
    except OSError as error:
        raise _NotAKernelError(error.strerror) from error


def default_kernel(built: Path | None, boot: Path = BOOT) -> KernelFile | Unavailable:
    """Return the kernel that was built, else the newest fetched one, else the host's newest readable one.

    Args:
        built: the vmlinux that ``build linux-kernel`` made, if there is one.
        boot: where the host's kernels are.
    """
    candidates = [*_newest_first(packaged_kernels()), *_newest_first(boot.glob("vmlinuz-*"))]
    reasons = []
    for each in candidates if built is None else (built, *candidates):
        found = _usable(each)
        if isinstance(found, KernelFile):
            return found
        reasons.append(found)
    which = "none was built or downloaded" if built is None else "the built one is broken"
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return Unavailable(f"no Linux kernel to boot: {which}, and none in {boot} can be used{why}", QUICK_CURE)


def _newest_first(kernels: Iterable[Path]) -> list[Path]:
    return sorted(kernels, key=_version_key, reverse=True)


def _usable(path: Path) -> KernelFile | str:
    """Return the kernel, or its fault."""
    try:
        return _kernel(path)
    except _NotAKernelError as error:
        return f"{str(path)!r}: {error}"


def own_initrd(kernel: KernelFile) -> Path | None:
    """Return the initrd that a distribution put beside its kernel, if it can be read."""
    given = Path(kernel.given)
    beside = given.with_name(given.name.replace("vmlinuz-", "initrd.img-"))
    return beside if beside != given and os.access(beside, os.R_OK) else None


class _NotAKernelError(Exception):
    """The fault of a file, in a few words."""


def _version_key(path: Path) -> list[tuple[int, int, str]]:
    parts = re.findall(r"\d+|\D+", path.name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


@functools.cache
def _examined(path: str, size: int, _mtime_ns: int) -> KernelFile:
    if not size:
        raise _NotAKernelError("an empty file")
    with open(path, "rb") as file:  # noqa: PTH123
        start = file.read(START_BYTES)
    if start.startswith(ELF):
        return _elf(path)
    if start[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC:
        return _bzimage(path, start, size)
    raise _NotAKernelError("neither an ELF file nor a bzImage")


def _elf(path: str) -> KernelFile:
    truncated = why_truncated(Path(path))  # first: the notes of a truncated file may be missing
    if truncated is not None:
        raise _NotAKernelError(truncated)
    reason = why_not_pvh(Path(path))
    if reason is not None:
        raise _NotAKernelError(f"{reason}; build it with CONFIG_PVH=y, or use its bzImage")
    return KernelFile(path, path, "pvh", _version_in(path))


def _version_in(path: str) -> str:
    """Return the version in a kernel that isn't packed, read in parts: with debug information it is large."""
    tail = b""
    with open(path, "rb") as file:  # noqa: PTH123
        while part := file.read(PART_BYTES):
            match = VERSION.search(tail + part)
            if match is not None:
                return match[1].decode(errors="replace")
            tail = part[-VERSION_BYTES:]
    return ""


def _bzimage(path: str, start: bytes, size: int) -> KernelFile:
    sectors = start[SETUP_SECTORS_AT] or 4
    paragraphs = struct.unpack_from("<I", start, SYSTEM_SIZE_AT)[0]
    whole = (sectors + 1) * SECTOR + paragraphs * PARAGRAPH
    if size < whole:
        raise _NotAKernelError(f"truncated: expected {whole} bytes, found {size}")
    if not start[LOAD_FLAGS_AT] & IS_64_BIT:
        raise _NotAKernelError("a kernel for 32-bit x86")
    version = _bzimage_version(path, start)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:32]
    unpacked = cache_directory("vmlinux") / f"{digest}.elf"
    if unpacked.is_file() or _unpack(path, start, unpacked):
        return KernelFile(str(unpacked), path, "pvh", version)
    return KernelFile(path, path, "bzImage", version)


def _bzimage_version(path: str, start: bytes) -> str:
    at = struct.unpack_from("<H", start, VERSION_AT)[0] + SECTOR
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(at)
        return file.read(256).split(b"\0")[0].split(b" ")[0].decode(errors="replace")


def _unpack(path: str, start: bytes, unpacked: Path) -> bool:
    """Unpack the kernel in a bzImage, to spare the guest that work; False if it can't be booted that way."""
    offset, length = struct.unpack_from("<II", start, PAYLOAD_AT)
    begin = ((start[SETUP_SECTORS_AT] or 4) + 1) * SECTOR + offset
    content = _decompressed(Path(path).read_bytes()[begin : begin + length])
    if content is None:
        return False
    private(unpacked.parent)
    new = unpacked.with_suffix(f".{os.getpid()}")
    try:
        new.write_bytes(content)
        if why_not_pvh(new) is None:
            new.replace(unpacked)
            return True
        return False
    finally:
        new.unlink(missing_ok=True)


def _xz(data: bytes) -> bytes:
    return lzma.LZMADecompressor().decompress(data, MOST_UNPACKED_BYTES)


def _gzip(data: bytes) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(data, MOST_UNPACKED_BYTES)  # 31: gzip's own header


def _by_program(*argv: str) -> Callable[[bytes], bytes | None]:
    """Return a decompressor that is a program, if it is here. Behind the data is its size, as if garbage."""

    def run(data: bytes) -> bytes | None:
        if shutil.which(argv[0]) is None:
            return None
        return subprocess.run(argv, input=data, capture_output=True, timeout=PATIENCE_S, check=False).stdout

    return run


# Source: scripts/extract-vmlinux's magics; lib/decompress.c.
_DECOMPRESSORS: dict[bytes, Callable[[bytes], bytes | None]] = {
    b"\x1f\x8b\x08": _gzip,
    b"\xfd7zXZ\0": _xz,
    b"BZh": lambda data: bz2.BZ2Decompressor().decompress(data, MOST_UNPACKED_BYTES),
    b"\x5d\x00\x00": _xz,
    b"\x28\xb5\x2f\xfd": _by_program("zstd", "-dcq"),
    b"\x02\x21\x4c\x18": _by_program("lz4", "-dcq"),
    b"\x89LZO": _by_program("lzop", "-dcq"),
}


def _decompressed(data: bytes) -> bytes | None:
    """Return the ELF file in a bzImage's payload, or None if it can't be unpacked here."""
    for magic, decompress in _DECOMPRESSORS.items():
        if data.startswith(magic):
            try:
                content = decompress(data)
            except (OSError, lzma.LZMAError, EOFError, ValueError, zlib.error, subprocess.SubprocessError):
                return None
            if content is None or len(content) >= MOST_UNPACKED_BYTES:
                return None
            return content if content.startswith(ELF) else None
    return data if data.startswith(ELF) else None
