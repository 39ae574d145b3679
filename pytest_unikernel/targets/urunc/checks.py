"""Checks of the parameters of ``urunc_container``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import BuildError, LoadError, TargetError
from pytest_unikernel.guests.build.rust_kernel import shipped_kernel
from pytest_unikernel.guests.build.urunc_bundle import Guest, hypervisor_of, rootfs_of
from pytest_unikernel.guests.build.urunc_bundle import read_configuration as configuration_of
from pytest_unikernel.targets.qemu import machine

PathText = str | os.PathLike[str]

NAME = "urunc_container"
MONITORS = {
    "qemu": machine.PROGRAM,
    "spt": "solo5-spt",
    "hvt": "solo5-hvt",
    "firecracker": "firecracker",
}
INSTALL = {
    "qemu": machine.INSTALL,
    "spt": "install Solo5's tender solo5-spt",
    "hvt": "install Solo5's tender solo5-hvt",
    "firecracker": "install Firecracker",
}
# Our Rust unikernel writes to no port that urunc gives QEMU; it ends with a reset, which is status 0.
DEFAULT_TYPE, DEFAULT_COMMAND = "mewz", ("unikernel",)
SHOWN_DIGITS = 16


# The ways that take a parameter; all ways take the parameters that are not listed.
TAKEN_BY = {
    "image": ("ctr", "docker", "nerdctl"),
    "bundle": ("oci",),
    "memory_mib": ("oci",),
    "runtime": ("ctr", "docker", "nerdctl"),
    "snapshotter": ("ctr", "nerdctl"),
    "network": ("docker", "nerdctl"),
    "monitor": ("oci", "ctr", "nerdctl"),
}


class Source(NamedTuple):
    """The source of a container: a guest for which we make a bundle or image, a bundle, or an image."""

    guest: Guest | None
    bundle: Path | None
    hypervisor: str


def checked_source(
    *,
    image: str | None,
    bundle: PathText | None,
    kernel: PathText | None,
    initrd: PathText | None,
    unikernel_type: str | None,
    hypervisor: str | None,
    command: tuple[str, ...],
    memory_mib: int | None,
) -> Source:
    """Return the source: the user's, or ours.

    Raises:
        TargetError: there can be none such, or more than one.
    """
    named = checked_hypervisor("qemu" if hypervisor is None else hypervisor)
    check_paths(kernel=kernel, initrd=initrd, bundle=bundle)
    files = {"kernel": kernel, "initrd": initrd, "unikernel_type": unikernel_type}
    if image is not None:
        _refuse("image", image, {"bundle": bundle, **files, "memory_mib": memory_mib})
        return Source(None, None, named)
    if bundle is None:
        made = checked_guest(
            kernel, initrd, unikernel_type, hypervisor=named, command=command, memory_mib=memory_mib
        )
        return Source(made, None, named)
    _refuse("bundle", bundle, {**files, "command": command, "memory_mib": memory_mib})
    place = checked_bundle(bundle)
    found = checked_hypervisor(hypervisor_in(place))
    if hypervisor not in (None, found):
        raise TargetError(
            f"{NAME}: bundle={str(bundle)!r} has the hypervisor {found!r}, got "
            f"hypervisor={hypervisor!r}; leave it out"
        )
    return Source(None, place, found)


def _refuse(key: str, value: object, others: dict[str, object]) -> None:
    for other, given in others.items():
        if given is not None and given != ():
            raise TargetError(
                f"{NAME}: {key}={str(value)!r} decides what is run, got {other}={given!r} too; leave one "
                "of them out"
            )


def check_via(via: object, known: tuple[str, ...], **given: object) -> None:
    """Refuse parameters that the way does not use.

    Raises:
        TargetError: it is named, with the ways that have.
    """
    if via not in known:
        raise TargetError(f"{NAME}: via must be one of {', '.join(known)}, got {via!r}")
    for key, value in given.items():
        if value is not None and via not in TAKEN_BY[key]:
            ways = " or ".join(f"via={way!r}" for way in TAKEN_BY[key])
            raise TargetError(f"{NAME}: {key}={value!r} needs {ways}, got via={via!r}")
    for key in ("image", "runtime", "snapshotter", "network"):
        value = given.get(key)
        if value is not None and not is_name(value):
            raise TargetError(f"{NAME}: {key} must be a name, got {value!r}")
    if given.get("network") == "host":
        raise TargetError(
            f"{NAME}: expected a network other than 'host', where urunc would change the host's own devices"
        )


def is_name(value: object) -> bool:
    """Return whether a client can be given it as a word of its own."""
    return isinstance(value, str) and value.isprintable() and value[:1] not in ("", "-") and " " not in value


def check_paths(**given: object) -> None:
    """Refuse values that can't be paths.

    Raises:
        TargetError: it is named.
    """
    for key, value in given.items():
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        if value is not None and (not isinstance(text, str) or not text or "\0" in text):
            raise TargetError(f"{NAME}: {key} must be a path, got {value!r}")


def checked_guest(
    kernel: PathText | None,
    initrd: PathText | None,
    unikernel_type: str | None,
    *,
    hypervisor: str,
    command: tuple[str, ...],
    memory_mib: int | None,
) -> Guest:
    """Return the guest that is asked for: ours, or one of the user's.

    Raises:
        TargetError: there can be none such.
    """
    words = command or DEFAULT_COMMAND
    if kernel is not None:
        if not isinstance(unikernel_type, str) or not is_name(unikernel_type):
            raise TargetError(
                f"{NAME}: unikernel_type must be the type of {os.fspath(kernel)!r} for urunc (unikraft, "
                f"linux, rumprun, mirage, mewz, hermit), got {unikernel_type!r}"
            )
        started = None if initrd is None else _file("initrd", initrd)
        return Guest(_file("kernel", kernel), started, unikernel_type, hypervisor, words, memory_mib)
    if initrd is not None or unikernel_type is not None:
        raise TargetError(f"{NAME}: initrd= and unikernel_type= need kernel=, got none")
    if hypervisor != "qemu":
        raise TargetError(
            f"{NAME}: the shipped unikernel needs hypervisor='qemu', got {hypervisor!r}; give kernel=, "
            "bundle= or image= for it"
        )
    return Guest(shipped_kernel(), None, DEFAULT_TYPE, hypervisor, words, memory_mib)


def checked_bundle(bundle: PathText) -> Path:
    """Return the user's bundle, if urunc can run it.

    Raises:
        TargetError: it can't.
    """
    place = Path(os.path.realpath(bundle))  # links in a circle are no error here: what reads the file says so
    try:
        if not rootfs_of(place, configuration_of(place)).is_dir():
            raise TargetError(
                f"{NAME}: expected a bundle with a root file system, got bundle={str(bundle)!r} without one"
            )
    except BuildError as error:
        raise TargetError(f"{NAME}: bundle={str(bundle)!r}: {error}") from error
    return place


def hypervisor_in(bundle: Path) -> str:
    """Return the hypervisor of the user's bundle.

    Raises:
        TargetError: the bundle does not name one.
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
    if not isinstance(hypervisor, str) or hypervisor not in MONITORS:
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
    """Return the beginning of a file's hash, for the record.

    Raises:
        LoadError: it can't be read any more.
    """
    try:
        return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()[:SHOWN_DIGITS]}"
    except OSError as error:
        raise LoadError(f"{NAME}: can't read {str(file)!r}: {error.strerror}") from error


def checked_command(command: Sequence[str]) -> tuple[str, ...]:
    """Return the unikernel's arguments.

    Raises:
        TargetError: they are no list of text.
    """
    if not isinstance(command, (list, tuple)) or not all(isinstance(part, str) for part in command):
        raise TargetError(f"{NAME}: command must be a list of text, one entry per argument, got {command!r}")
    if any("\0" in part for part in command):
        raise TargetError(f"{NAME}: command can't hold a NUL byte, got {command!r}")
    return tuple(command)


def _file(key: str, path: PathText) -> Path:
    if not Path(path).is_file() or not os.access(path, os.R_OK):
        raise TargetError(f"{NAME}: {key} must be a file that can be read, got {os.fspath(path)!r}")
    return Path(path).resolve()
