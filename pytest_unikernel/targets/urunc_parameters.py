"""What ``urunc_container`` can be given, and what is refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from pytest_unikernel.build.rust_kernel import shipped_kernel
from pytest_unikernel.build.urunc_bundle import Guest, hypervisor_of, rootfs_of
from pytest_unikernel.build.urunc_bundle import read_configuration as configuration_of
from pytest_unikernel.errors import BuildError, TargetError
from pytest_unikernel.targets import qemu

PathText = str | os.PathLike[str]

NAME = "urunc_container"
MONITORS = {
    "qemu": qemu.PROGRAM,
    "spt": "solo5-spt",
    "hvt": "solo5-hvt",
    "firecracker": "firecracker",
}
INSTALL = {
    "qemu": qemu.INSTALL,
    "spt": "install Solo5's tender solo5-spt",
    "hvt": "install Solo5's tender solo5-hvt",
    "firecracker": "install Firecracker",
}
# Our Rust unikernel writes to no port that urunc gives QEMU; it ends with a reset, which is status 0.
DEFAULT_TYPE, DEFAULT_COMMAND = "mewz", ("unikernel",)
SHOWN_DIGITS = 16


def checked_guest(
    kernel: PathText | None,
    initrd: PathText | None,
    unikernel_type: str | None,
    *,
    hypervisor: str,
    command: Sequence[str],
    memory_mib: int | None,
) -> Guest:
    """Return the guest that is asked for: ours, or one of the user's.

    Raises:
        TargetError: there can be none such.
    """
    words = _command(command) or DEFAULT_COMMAND
    if kernel is not None:
        if not isinstance(unikernel_type, str) or not unikernel_type:
            raise TargetError(
                f"{NAME}: unikernel_type must say what urunc takes {os.fspath(kernel)!r} for (unikraft, "
                f"linux, rumprun, mirage, mewz, hermit), got {unikernel_type!r}"
            )
        started = None if initrd is None else _file("initrd", initrd)
        return Guest(_file("kernel", kernel), started, unikernel_type, hypervisor, words, memory_mib)
    if initrd is not None or unikernel_type is not None:
        raise TargetError(f"{NAME}: initrd= and unikernel_type= go with kernel=, which was not given")
    if hypervisor != "qemu":
        raise TargetError(
            f"{NAME}: our own unikernel runs on qemu only; hypervisor={hypervisor!r} needs kernel= or bundle="
        )
    return Guest(shipped_kernel(), None, DEFAULT_TYPE, hypervisor, words, memory_mib)


def checked_bundle(bundle: PathText, **others: object) -> Path:
    """Return the user's bundle, if urunc can run it.

    Raises:
        TargetError: it can't, or something is given that the bundle itself says.
    """
    for key, value in others.items():
        if value:
            raise TargetError(f"{NAME}: bundle= says itself what is run, got {key}={value!r} too")
    place = Path(bundle).resolve()
    try:
        if not rootfs_of(place, configuration_of(place)).is_dir():
            raise TargetError(f"{NAME}: bundle={str(bundle)!r} has no root file system")
    except BuildError as error:
        raise TargetError(f"{NAME}: bundle={str(bundle)!r}: {error}") from error
    return place


def hypervisor_in(bundle: Path) -> str:
    """Return the hypervisor of the user's bundle.

    Raises:
        TargetError: it doesn't say.
    """
    try:
        return hypervisor_of(bundle)
    except BuildError as error:
        raise TargetError(f"{NAME}: bundle={str(bundle)!r}: {error}") from error


def checked_hypervisor(hypervisor: str) -> str:
    """Return a hypervisor that urunc knows.

    Raises:
        TargetError: it knows none such.
    """
    if hypervisor not in MONITORS:
        raise TargetError(f"{NAME}: hypervisor must be one of {', '.join(MONITORS)}, got {hypervisor!r}")
    return hypervisor


def checked_truth(key: str, value: object) -> bool:
    """Return True or False; nothing else is taken for one.

    Raises:
        TargetError: it is something else.
    """
    if not isinstance(value, bool):
        raise TargetError(f"{NAME}: {key} must be True or False, got {value!r}")
    return value


def sha256(file: Path) -> str:
    """Return the beginning of a file's hash, for the record."""
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()[:SHOWN_DIGITS]}"


def _command(command: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(command, (list, tuple)) or not all(isinstance(part, str) for part in command):
        raise TargetError(f"{NAME}: command must be a list of text, one entry per argument, got {command!r}")
    return tuple(command)


def _file(key: str, path: PathText) -> Path:
    if not Path(path).is_file() or not os.access(path, os.R_OK):
        raise TargetError(f"{NAME}: {key} must be a file that can be read, got {os.fspath(path)!r}")
    return Path(path).resolve()
