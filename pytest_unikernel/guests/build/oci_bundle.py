"""Bundles for OCI runtimes: a configuration and a root file system, made without an engine.

Source: OCI Runtime Specification 1.0.2, config.md and config-linux.md. The container gets no capability, no
new privileges, a read-only root, and namespaces of its own: its network has nothing but a loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_unikernel.guests.build.cache import cache_directory, locked, private
from pytest_unikernel.guests.build.static_program import HELLO

CACHE = "oci-rootfs"
MOUNT_POINTS = ("dev", "proc", "sys")
NAMESPACES = ("pid", "ipc", "uts", "mount", "network")
MOUNTS = (
    ("/proc", "proc", ()),
    ("/dev", "tmpfs", ("nosuid", "noexec", "strictatime", "mode=755", "size=65536k")),
    ("/sys", "sysfs", ("nosuid", "noexec", "nodev", "ro")),
)


def configuration(
    rootfs: Path, command: Sequence[str], environment: Mapping[str, str], ids: tuple[int, int] | None
) -> dict[str, Any]:
    """Return the content of ``config.json``.

    Args:
        rootfs: the directory that is the container's root.
        command: an argv.
        environment: the command's environment, besides a PATH.
        ids: user and group of a caller who isn't root, and becomes root in a namespace of its own.
    """
    words = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment}
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": list(command),
            "env": [f"{key}={value}" for key, value in words.items()],
            "cwd": "/",
            "noNewPrivileges": True,
            "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted")},
        },
        "root": {"path": str(rootfs), "readonly": True},
        "hostname": "unikernel",
        "mounts": [
            {"destination": place, "type": kind, "source": kind, "options": list(options)}
            for place, kind, options in MOUNTS
        ],
        "linux": _linux(ids),
    }


def _linux(ids: tuple[int, int] | None) -> dict[str, Any]:
    namespaces = [{"type": kind} for kind in NAMESPACES]
    if ids is None:
        return {"namespaces": namespaces, "resources": {}}
    user, group = ({"containerID": 0, "hostID": own, "size": 1} for own in ids)
    return {
        "namespaces": [{"type": "user"}, *namespaces],
        "uidMappings": [user],
        "gidMappings": [group],
    }


def write_bundle(
    directory: Path, rootfs: Path, command: Sequence[str], environment: Mapping[str, str]
) -> Path:
    """Write a bundle's configuration into a new directory; return that."""
    directory.mkdir(mode=0o700)
    ids = (os.geteuid(), os.getegid()) if os.geteuid() else None
    made = configuration(rootfs, command, environment, ids)
    (directory / "config.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return directory


def hello_rootfs() -> Path:
    """Return the directory with our own small program; a cache, because a tmpfs may be mounted noexec."""
    cache = private(cache_directory(CACHE))
    place = cache / HELLO.note.sha256[:16]
    with locked(cache):
        if not place.is_dir():
            _make(cache, place)
    return place


def _make(cache: Path, place: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix="new-", dir=cache))
    try:
        for name in MOUNT_POINTS:
            (work / name).mkdir()
        shutil.copyfile(HELLO.shipped, work / "hello")
        (work / "hello").chmod(0o755)
        work.replace(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
