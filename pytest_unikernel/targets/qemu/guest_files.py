"""The file that QEMU boots: ours, one built from a crate when its load starts, or one of the user's."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import BuildError, TargetError
from pytest_unikernel.guests.build import rust_kernel as builder
from pytest_unikernel.guests.build.cache import cache_directory
from pytest_unikernel.guests.build.cargo import find_toolchain
from pytest_unikernel.plan.target_fields import Unavailable

ELF = b"\x7fELF"
# Source: Documentation/arch/x86/boot.rst, the real-mode header's magic at 0x202.
LINUX_MAGIC, LINUX_AT = b"HdrS", 0x202
START_BYTES = 4096
SHOWN_DIGITS = 16


class GuestFile(NamedTuple):
    """A file to boot.

    Attributes:
        path: where the file is when it is booted.
        versions: returns its description, once per load.
        is_disk: it is a raw disk image, not a kernel.
        output: the output that means success.
        prepare: makes the file, or returns why that is not possible here.
    """

    path: str
    versions: Callable[[], Mapping[str, str]]
    is_disk: bool = False
    output: str | None = None
    prepare: Callable[[], Unavailable | None] = lambda: None


def shipped_guest(greeting: str) -> GuestFile:
    """Return the kernel that comes with the package, which has to print the greeting."""

    def versions() -> Mapping[str, str]:
        facts = builder.shipped_facts()
        return {"kernel": f"shipped {_sha256(path)}", "rustc": _first_line(facts.rustc)}

    path = str(builder.shipped_kernel())
    return GuestFile(path, versions, output=greeting)


def given_guest(image: Path) -> GuestFile:
    """Return the user's own file; whether it boots is seen by booting it.

    Raises:
        TargetError: there is no such file, it can't be read, or it is a Linux kernel.
    """
    start = _start_of(image)
    if start[LINUX_AT : LINUX_AT + len(LINUX_MAGIC)] == LINUX_MAGIC:
        raise TargetError(
            f"rust_kernel: expected image= to name a unikernel, got {str(image)!r}, a Linux "
            "kernel; use linux_vm(kernel=…)"
        )
    path = os.path.abspath(image)  # noqa: PTH100 - a link stays a link: the name is the user's
    name = f"{image.name} "
    return GuestFile(path, lambda: {"kernel": name + _sha256(path)}, is_disk=not start.startswith(ELF))


def built_guest(crate: Path) -> GuestFile:
    """Return the kernel of a crate, to be built when its load starts.

    Its path is known before that: a link, in the cache of kernels, named by the hash of the sources.

    Raises:
        TargetError: it isn't a crate.
    """
    try:
        sources = builder.source_hash(crate)
    except (BuildError, OSError) as error:
        raise TargetError(f"rust_kernel: crate={str(crate)!r}: {error}") from error
    crate = crate.resolve()
    link = _links() / f"{sources}.elf"

    def versions() -> Mapping[str, str]:
        rustc = _first_line(find_toolchain(crate).version)
        return {"kernel": f"{crate.name} {_sha256(str(link))}", "rustc": rustc}

    return GuestFile(str(link), versions, prepare=lambda: _built(crate, sources, link))


def _built(crate: Path, sources: str, link: Path) -> Unavailable | None:
    """Build the crate, once per state of its sources and process: what failed once isn't tried again.

    Raises:
        BuildError: as :func:`_build`, with the same text each time.
    """
    answer = _built_once(crate, sources, link)
    if isinstance(answer, BuildError):
        raise BuildError(answer.cause, answer.last_lines)
    return answer


@functools.cache
def _built_once(crate: Path, sources: str, link: Path) -> Unavailable | BuildError | None:
    try:
        return _build(crate, sources, link)
    except BuildError as error:
        return error


def _build(crate: Path, sources: str, link: Path) -> Unavailable | None:
    """Build the crate and put the link in its place.

    Raises:
        BuildError: the crate can't be built, or has changed since the target was described.
    """
    try:
        find_toolchain(crate)
    except BuildError as error:
        return Unavailable(f"crate={str(crate)!r} can't be built", str(error))
    kernel = builder.build_kernel(crate)
    if builder.source_hash(crate) != sources:
        raise BuildError(
            f"the files of {str(crate)!r} changed after rust_kernel(crate=…) was called; call it again"
        )
    link.parent.mkdir(mode=0o700, exist_ok=True)
    new = link.with_suffix(f".{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(kernel)
    new.replace(link)
    return None


def _links() -> Path:
    return cache_directory(builder.CACHE) / "by-sources"


def _start_of(image: Path) -> bytes:
    expected = f"rust_kernel: expected image= to name a kernel or a disk image, got {str(image)!r}"
    try:
        with image.open("rb") as file:
            start = file.read(START_BYTES)
    except OSError as error:
        raise TargetError(f"{expected}: {error.strerror}") from error
    if not start:
        raise TargetError(f"{expected}, which is empty")
    return start


def _sha256(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123
        return f"sha256:{hashlib.sha256(file.read()).hexdigest()[:SHOWN_DIGITS]}"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
