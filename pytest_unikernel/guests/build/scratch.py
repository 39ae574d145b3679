"""Working directories whose removal never follows a mount into another file system."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_unikernel.errors import BuildError

MOUNTS = Path("/proc/self/mountinfo")


@contextmanager
def scratch(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Give a private directory, by default in TMPDIR; it is removed with its content.

    Raises:
        BuildError: something is mounted in it when it is to go; it stays then.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a directory with its content; if something is mounted there, nothing is touched.

    Raises:
        BuildError: something is mounted at or below it.
    """
    mounted = mounts_below(folder)
    if mounted:
        names = " ".join(map(str, reversed(mounted)))
        raise BuildError(
            f"{str(folder)!r} is not removed: file systems are mounted in it; umount {names}, then remove it"
        )
    shutil.rmtree(folder, ignore_errors=True)


def mounts_below(folder: Path, mounts: Path = MOUNTS) -> list[Path]:
    """Return the mount points at or below a directory, outer ones first.

    Source: proc(5), /proc/pid/mountinfo: the fifth field, white space and backslashes as octal numbers.
    """
    inside = os.path.realpath(folder)
    lines = mounts.read_bytes().splitlines()
    points = [Path(os.fsdecode(_unescaped(line.split(b" ")[4]))) for line in lines]
    return sorted(point for point in points if point.is_relative_to(inside))


def _unescaped(name: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), name)
