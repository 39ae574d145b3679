"""The guest of a Linux virtual machine: kernel, archive, disk and command line, and their needs."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_unikernel.errors import BuildError, TargetError
from pytest_unikernel.guests.build import initramfs
from pytest_unikernel.guests.build.cache import cache_directory
from pytest_unikernel.guests.build.elf import memory_end
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu.disk_image import DiskImage
from pytest_unikernel.targets.qemu.kernel_file import CURE, KernelFile, own_initrd
from pytest_unikernel.targets.qemu.linux_scripts import Carried, minimal_archive, switching_archive

MIB = 1 << 20
CACHE = "initramfs"
# A guest that ends does so by a reset, which ends QEMU (-no-reboot): there is no ACPI on the microvm.
# The triple fault is the quickest. Source: Documentation/admin-guide/kernel-parameters.txt.
# On a busy host the timer may seem not to work: the kernel is not to look.
ALWAYS = ("reboot=t", "panic=-1", "no_timer_check")
# The kernel passes words that it doesn't know to its first process: a word as an argument, a setting in the
# environment. Not behind "--": there the microvm's own words, about its disks, would be passed too.
SHUTDOWN = "unikernel.shutdown"  # read by the images that `build linux-image` makes
ROOM_MIB, ROOM_LEAST_MIB = 24, 8  # measured: memory of the minimal guest beside its kernel
DEFAULT_MIB, DEFAULT_IMAGE_MIB, DEFAULT_INITRD_MIB = 64, 256, 512


@dataclass(frozen=True)
class LinuxGuest:
    """A Linux guest to boot.

    Attributes:
        kernel: None if there is none on this machine.
        initrd: the path that QEMU is given, or None.
        archive: the content of that file, if it is ours.
        missing: why this guest can't be had here.
    """

    kernel: KernelFile | None
    image: DiskImage | None = None
    initrd: str | None = None
    archive: bytes | None = None
    words: tuple[str, ...] = ()
    missing: Unavailable | None = None

    def prepare(self) -> Unavailable | None:
        """Make the files, or return why that is not possible here.

        Raises:
            BuildError: the archive can't be written.
        """
        if self.missing is not None:
            return self.missing
        if self.archive is not None:
            try:
                initramfs.store(self.archive, cache_directory(CACHE))
            except OSError as error:
                raise BuildError(f"can't write {self.initrd!r}: {error.strerror}") from error
        return self.image.why_not() if self.image is not None else None

    def versions(self) -> Mapping[str, str]:
        """Return the description of the guest, for the record."""
        return {
            **(self.kernel.versions() if self.kernel is not None else {}),
            **(self.image.versions() if self.image is not None else {}),
            "initrd": self._initrd_version(),
        }

    def _initrd_version(self) -> str:
        if self.initrd is None:
            return "none"
        content = self.archive or Path(self.initrd).read_bytes()
        name = "ours" if self.archive is not None else Path(self.initrd).name
        return f"{name} sha256:{hashlib.sha256(content).hexdigest()[:16]}"

    @property
    def least_memory_mib(self) -> int:
        """The memory for the kernel and the unpacked files; less can't even hold these."""
        return self._kernel_mib + self._initrd_mib + ROOM_LEAST_MIB

    @property
    def usual_memory_mib(self) -> int:
        """The memory a guest gets that wasn't given any."""
        if self.initrd is not None and self.archive is None:
            return DEFAULT_INITRD_MIB
        least = DEFAULT_MIB if self.image is None else DEFAULT_IMAGE_MIB
        wanted = self._kernel_mib + self._initrd_mib + ROOM_MIB
        return max(least, -(-wanted // 32) * 32)

    @property
    def _kernel_mib(self) -> int:
        if self.kernel is None or not Path(self.kernel.path).is_file():
            return 0
        if self.kernel.boot == "pvh":
            return -(-memory_end(Path(self.kernel.path)) // MIB)
        return 8 * -(-Path(self.kernel.path).stat().st_size // MIB)  # packed, it needs room for both

    @property
    def _initrd_mib(self) -> int:
        """Return the memory of an archive, which is there twice: as a file and unpacked, which is larger."""
        if self.archive is not None:
            size = len(self.archive)
        else:
            size = Path(self.initrd).stat().st_size if self.initrd is not None else 0
        return -(-2 * size // MIB)


def guest(
    kernel: KernelFile | Unavailable,
    image: DiskImage | None,
    initrd: str | os.PathLike[str] | None,
    brought: Carried,
    *,
    shutdown: bool,
) -> LinuxGuest:
    """Return the guest that these make.

    Raises:
        TargetError: they don't go together, or the initrd can't be read.
    """
    if brought and initrd is not None:
        raise TargetError(
            f"linux_vm: scripts= and files= need the initrd of pytest-unikernel, got initrd={initrd!r} too; "
            "leave initrd= out, or scripts= and files="
        )
    if isinstance(kernel, Unavailable):
        return LinuxGuest(None, image, missing=kernel)
    made = LinuxGuest(kernel, image)
    if initrd is not None:
        made = dataclasses.replace(made, initrd=_given_initrd(Path(initrd)))
    if image is not None:
        return _with_image(made, kernel, brought, shutdown=shutdown)
    return made if initrd is not None else _minimal(made, brought, shutdown=shutdown)


def _minimal(made: LinuxGuest, brought: Carried, *, shutdown: bool) -> LinuxGuest:
    content = minimal_archive(brought)
    if isinstance(content, Unavailable):
        return dataclasses.replace(made, missing=content)
    return _with_archive(made, content, ("shutdown",) if shutdown else ())


def _with_image(made: LinuxGuest, kernel: KernelFile, brought: Carried, *, shutdown: bool) -> LinuxGuest:
    beside = own_initrd(kernel)
    if brought and beside is not None:
        name = Path(kernel.given).name
        return dataclasses.replace(
            made,
            missing=Unavailable(
                f"scripts= with image= need a kernel with built-in drivers, got {name}", CURE
            ),
        )
    if brought:
        content = switching_archive(brought, shutdown=shutdown)
        return _with_archive(made, content, ("switch=/dev/vda",))
    words = ("root=/dev/vda", "rw", *([SHUTDOWN] if shutdown else []))
    own = str(beside) if made.initrd is None and beside is not None else made.initrd
    return dataclasses.replace(made, initrd=own, words=words)


def _with_archive(made: LinuxGuest, content: bytes, words: tuple[str, ...]) -> LinuxGuest:
    path = str(initramfs.stored_path(content, cache_directory(CACHE)))
    return dataclasses.replace(made, initrd=path, archive=content, words=words)


def _given_initrd(path: Path) -> str:
    expected = f"linux_vm: expected initrd= to name a file, got {str(path)!r}"
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise TargetError(f"{expected}, which is empty")
    except OSError as error:
        raise TargetError(f"{expected}: {error.strerror}") from error
    return os.path.abspath(path)  # noqa: PTH100
