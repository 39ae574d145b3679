"""Bundles for urunc: a template per load; each launch gets a throw-away copy of hard links.

``urunc delete`` removes directories from the root file system that it finds there, so none is used twice.

Source: urunc's documentation (*Packaging*, ``urunc.json``), its ``pkg/unikontainers/config.go``: the values
of ``urunc.json`` are base64 in all releases, those of annotations up to 0.7 only, so those aren't used.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.cache import cache_directory, locked
from pytest_unikernel.guests.build.static_program import URUNC_LAUNCH

CACHE = "urunc-launch"
KEY = "com.urunc.unikernel."
KERNEL, INITRD = "/unikernel/kernel", "/unikernel/initrd"
# urunc changes the root, and adds network devices, of whatever namespace it is in: the host's, without these.
NAMESPACES = ("pid", "network", "ipc", "uts", "mount")
NEEDED = frozenset({"network", "mount"})
ELSEWHERE = "set XDG_CACHE_HOME to a directory of yours with room in it, from which programs may be run"
PLACEHOLDER = re.compile(r"\{[a-z]+\}")  # each name is an argument of a launch, as a target's argv is
MOST_ENTRIES = 512  # each is an argument of a launch


@dataclass(frozen=True)
class Guest:
    """The guest in a bundle of ours."""

    kernel: Path
    initrd: Path | None
    unikernel_type: str
    hypervisor: str
    command: tuple[str, ...]
    memory_mib: int | None = None


def metadata(guest: Guest) -> dict[str, str]:
    """Return the content of ``urunc.json``."""
    plain = {
        "unikernelType": guest.unikernel_type,
        "hypervisor": guest.hypervisor,
        "binary": KERNEL,
        "cmdline": " ".join(guest.command),
        "useDMBlock": "false",
        **({"initrd": INITRD} if guest.initrd else {}),
    }
    return {KEY + name: base64.b64encode(value.encode()).decode() for name, value in plain.items()}


def configuration(guest: Guest) -> dict[str, Any]:
    """Return the content of ``config.json``; urunc 0.7 panics where ``linux.resources`` is missing."""
    memory = {"memory": {"limit": guest.memory_mib << 20}} if guest.memory_mib else {}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": list(guest.command),
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            "cwd": "/",
        },
        "root": {"path": "rootfs"},
        "hostname": "unikernel",
        "linux": {"namespaces": [{"type": kind} for kind in NAMESPACES], "resources": memory},
    }


def write_template(directory: Path, guest: Guest) -> list[str]:
    """Write a template into a new directory; return its entries, as the launcher takes them."""
    unikernel = directory / "rootfs" / "unikernel"
    unikernel.mkdir(parents=True)
    _write(directory / "config.json", configuration(guest))
    _write(directory / "rootfs" / "urunc.json", metadata(guest))
    shutil.copyfile(guest.kernel, unikernel / "kernel")
    if guest.initrd is not None:
        shutil.copyfile(guest.initrd, unikernel / "initrd")
    return entries(directory)


def copy_template(directory: Path, bundle: Path) -> list[str]:
    """Make a template of a bundle of the user's, which stays as it is; return its entries."""
    made = read_configuration(bundle)
    directory.mkdir()
    shutil.copytree(rootfs_of(bundle, made), directory / "rootfs", symlinks=True)
    linux = {"resources": {}, **made["linux"]}
    _write(directory / "config.json", {**made, "linux": linux, "root": {**made["root"], "path": "rootfs"}})
    return entries(directory)


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def entries(directory: Path) -> list[str]:
    """Return the entries of a directory tree, parents first; directories end with a slash.

    Raises:
        BuildError: that is too much for a launch.
    """
    found: list[str] = []
    for place, folders, files in os.walk(directory):
        prefix = os.path.relpath(place, directory) + "/" if Path(place) != directory else ""
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        folders[:] = sorted(set(folders) - set(links))
        found += [f"{prefix}{name}/" for name in folders] + sorted(prefix + name for name in (*files, *links))
    if len(found) > MOST_ENTRIES:
        raise BuildError(
            f"expected a bundle with at most {MOST_ENTRIES} files, got {len(found)}; keep only the files "
            "that the unikernel needs"
        )
    odd = [each for each in found if PLACEHOLDER.search(each)]
    if odd:
        raise BuildError(
            f"expected file names without a placeholder such as {{id}}, got {odd[0]!r}; rename it"
        )
    return found


def read_configuration(bundle: Path) -> dict[str, Any]:
    """Return a bundle's ``config.json``, if urunc can run it without harm to the host.

    Raises:
        BuildError: it can't be read; the text says why.
    """
    where = f"{str(bundle / 'config.json')!r}"
    try:
        made = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
        kinds = {each["type"]: each.get("path") for each in made["linux"]["namespaces"]}
        root, terminal = made["root"]["path"], made["process"].get("terminal")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(f"expected an OCI configuration in {where}: {error!r}") from None
    missing = sorted(each for each in NEEDED if each not in kinds or kinds[each])
    if missing:
        raise BuildError(
            f"{where}: expected new namespaces {' and '.join(missing)}, without a path; otherwise urunc "
            "would change the root or the network of the host"
        )
    if terminal:
        raise BuildError(
            f"{where}: process.terminal must be false, because the output is read, got {terminal!r}"
        )
    if not isinstance(root, str):
        raise BuildError(f"{where}: root.path must be text, got {root!r}")
    return dict(made)


def rootfs_of(bundle: Path, made: Mapping[str, Any]) -> Path:
    """Return where a bundle's root file system is."""
    return bundle / str(made["root"]["path"])


def hypervisor_of(bundle: Path) -> str:
    """Return the hypervisor that a bundle of the user's asks for.

    Raises:
        BuildError: the bundle has no readable metadata for urunc.
    """
    file = rootfs_of(bundle, read_configuration(bundle)) / "urunc.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return base64.b64decode(found[f"{KEY}hypervisor"], validate=True).decode()
    except FileNotFoundError:
        raise BuildError(
            f"expected urunc's metadata in {str(file)!r}, got no such file; see urunc's page on packaging"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise BuildError(f"expected {KEY}hypervisor, in base64, in {str(file)!r}: {error!r}") from None


def launcher() -> Path:
    """Return the program that drives a launch; in a cache, because a tmpfs may be mounted noexec.

    Raises:
        BuildError: there is no place for it, or none from which it may be run.
    """
    cache = cache_directory(CACHE)
    place = cache / URUNC_LAUNCH.note.sha256[:16]
    try:
        if not place.exists():
            with locked(cache):
                _copy_program(URUNC_LAUNCH.shipped, place)
    except OSError as error:
        raise BuildError(f"can't write {str(place)!r}: {error.strerror}; {ELSEWHERE}") from error
    if not os.access(place, os.X_OK):
        raise BuildError(f"can't run {str(place)!r} (mounted noexec?); {ELSEWHERE}")
    return place


def _copy_program(shipped: Path, place: Path) -> None:
    """Make a program, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=place.parent)
    os.close(descriptor)
    new = Path(name)
    try:
        shutil.copyfile(shipped, new)
        new.chmod(0o755)
        new.replace(place)
    finally:
        new.unlink(missing_ok=True)
