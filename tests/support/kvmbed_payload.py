"""The payload of the KVM bed: the installed package with its dependencies, as one archive."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pytest_unikernel
from pytest_unikernel.guests.build.linux_kernel import newest_kernel

PACKAGE = "pytest-unikernel"
# Debian 12's Python. Extension modules must be built for it or for the stable ABI (abi3).
GUEST_PYTHON = "3.11"
LOADABLE = (".abi3.so", ".cpython-311-x86_64-linux-gnu.so")


def write_archive(archive: Path, files: Mapping[str, Path]) -> Path:
    """Write a tar archive of files and directories, under the names given; return it."""
    with tarfile.open(archive, "w") as tar:
        for name, source in files.items():
            tar.add(source.resolve(), name, filter=_of_root)
    return archive


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    return member


def built_kernel(cache: Path) -> dict[str, Path]:
    """Return the Linux kernel that was built here, if any, by its names in the guest's cache."""
    built = newest_kernel()
    if built is None:
        return {}
    place = cache / "pytest-unikernel" / "linux-kernel" / "newest"
    return {f"{place}/{name}": built.directory / name for name in ("vmlinux", "kernel.json")}


def site_packages(directory: Path) -> dict[str, Path]:
    """Return the files of the package under test and its dependencies, by their names in ``directory``.

    The installed package is used, in CI the wheel. Nothing is downloaded: only extension modules depend on
    the version of Python, and these are checked.

    Raises:
        RuntimeError: the bed's Python cannot load an extension module.
    """
    found = {}
    for each in _needed(PACKAGE):
        found.update(_files(each))
    for name in found:
        if name.endswith(".so") and not name.endswith(LOADABLE):
            raise RuntimeError(
                f"expected an extension module for Python {GUEST_PYTHON} or for any, got {name!r}"
            )
    return {f"{directory}/{name}": path for name, path in found.items()}


def _needed(name: str) -> Iterator[Distribution]:
    """Yield a distribution and its dependencies on the bed's Python, each once."""
    waiting, seen = [name], set()
    while waiting:
        one = distribution(waiting.pop())
        key = canonicalize_name(one.metadata["Name"])
        if key in seen:
            continue
        seen.add(key)
        yield one
        waiting += [each.name for each in map(Requirement, one.requires or ()) if _applies(each)]


def _applies(requirement: Requirement) -> bool:
    guest = {"extra": "", "python_version": GUEST_PYTHON, "python_full_version": f"{GUEST_PYTHON}.2"}
    return requirement.marker is None or requirement.marker.evaluate(guest)


def _files(one: Distribution) -> dict[str, Path]:
    """Return the files below site-packages, and for an editable installation the checkout's files."""
    found = {}
    for file in one.files or ():
        if ".." not in file.parts and file.suffix != ".pth":
            found[str(file)] = Path(str(file.locate()))
    if canonicalize_name(one.metadata["Name"]) == PACKAGE:
        found["pytest_unikernel"] = Path(pytest_unikernel.__file__).parent
        found = {name: path for name, path in found.items() if not name.startswith("pytest_unikernel/")}
    return {name: path for name, path in found.items() if path.exists()}
