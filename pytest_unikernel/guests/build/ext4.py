"""Files in an ext2, 3 or 4 image, read and written without mounting it: no root, no loop device.

Source: debugfs(8), which writes errors to stderr and ends with status 0.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.status import how

PATIENCE_S = 300.0
INSTALL = "apt-get install e2fsprogs"
# Source: e2fsck(8): 1 is corrected; 2 is corrected, and the machine that mounts it should reboot.
MENDED = (0, 1, 2)
NO_ROOM = ("Could not allocate", "too small", "Not enough space", "Illegal inode number")
MIB = 1 << 20
REGULAR = 0o100000
MAGIC_AT, MAGIC = 1024 + 56, b"\x53\xef"


def is_ext(image: Path) -> bool:
    """Return whether the file is such a file system, without partitions around it."""
    with image.open("rb") as file:
        file.seek(MAGIC_AT)
        return file.read(2) == MAGIC


def make(folder: Path, image: Path, size_bytes: int) -> None:
    """Make a file system with the content of the folder, in a new file of that size.

    Raises:
        BuildError: no mke2fs, or it failed: mostly because the size doesn't suffice.
    """
    size = f"{size_bytes / MIB:.4g} MiB"
    try:
        with image.open("wb") as file:
            file.truncate(size_bytes)
    except (OSError, OverflowError) as error:
        hint = " (see `ulimit -f`)" if getattr(error, "errno", errno.EFBIG) == errno.EFBIG else ""
        raise BuildError(f"can't make a file of {size}: {getattr(error, 'strerror', error)}{hint}") from error
    ended = _run("mke2fs", "-q", "-t", "ext4", "-F", "-L", "linux", "-d", str(folder), str(image))
    if ended.returncode:
        said = ended.stderr.strip() or how(ended.returncode)
        if not any(each in said for each in NO_ROOM):
            raise BuildError(f"mke2fs can't make {str(image)!r}: {said}")
        used = sum(each.lstat().st_blocks * 512 for each in folder.rglob("*")) >> 20
        raise BuildError(
            f"can't fill an image of {size} with {used} MiB; try --size {used * 5 // 4 + 64}M: "
            + " ".join(said.split())
        )


def read(image: Path, name: str) -> bytes | None:
    """Return a file's content, or None if there is no such file."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "copy"
        _debugfs(image, f"dump {_quoted(name)} {_quoted(str(copy))}", may_fail=True)
        return copy.read_bytes() if copy.exists() else None


def write(image: Path, name: str, content: bytes, permissions: int) -> None:
    """Write a file, in place of one of that name; it is root's.

    Raises:
        BuildError: there is no room, or no such directory.
    """
    quoted = _quoted(name)
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "copy"
        copy.write_bytes(content)
        _debugfs(image, f"rm {quoted}", may_fail=True)
        _debugfs(image, f"write {_quoted(str(copy))} {quoted}")
    for field, value in (("mode", f"0{REGULAR | permissions:o}"), ("uid", "0"), ("gid", "0")):
        _debugfs(image, f"set_inode_field {quoted} {field} {value}")
    if read(image, name) != content:
        raise BuildError(
            f"no room for {name!r} ({len(content)} bytes) in the image; make a larger image with --size"
        )


def set_owners(image: Path, owners: Iterable[tuple[str, int, int]]) -> None:
    """Set the owners of files, each by its name from the root on, its user and its group.

    Raises:
        BuildError: there is no such file.
    """
    with tempfile.TemporaryDirectory() as place:
        commands = Path(place) / "commands"
        with commands.open("w", encoding="utf-8", errors="surrogateescape") as file:
            for name, user, group in owners:
                if '"' in name or "\n" in name:
                    continue  # debugfs has no way to name it
                file.write(f'set_inode_field "{name}" uid {user}\nset_inode_field "{name}" gid {group}\n')
        ended = _run("debugfs", "-w", "-f", str(commands), str(image))
    if said := _complaints(ended):
        raise BuildError(f"debugfs can't set the owners of files: {said[:300]}")


def mend(image: Path) -> None:
    """Replay the journal of a file system that was in use when its machine ended, and repair it.

    debugfs ignores the journal: at the next boot the journal would undo its changes.

    Raises:
        BuildError: no e2fsck, or there is more wrong than it sets right by itself.
    """
    ended = _run("e2fsck", "-p", str(image))
    if ended.returncode not in MENDED:
        raise BuildError(
            "the image's file system is damaged; repair a copy with `e2fsck -f`: "
            + ended.stdout.strip()[-500:]
        )


def _debugfs(image: Path, command: str, *, may_fail: bool = False) -> None:
    said = _complaints(_run("debugfs", "-w", "-R", command, str(image)))
    if said and not may_fail:
        raise BuildError(f"debugfs {command}: {said}")


def _complaints(ended: subprocess.CompletedProcess[str]) -> str:
    said = [line for line in ended.stderr.splitlines() if line.strip() and not line.startswith("debugfs ")]
    return " ".join(said) or (how(ended.returncode) if ended.returncode else "")


def _quoted(name: str) -> str:
    if '"' in name or "\n" in name:
        raise BuildError(f"expected a file name without quotes and line ends, got {name!r}; rename the file")
    return f'"{name}"'


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        raise BuildError(f"no {program} on PATH; {INSTALL}")
    try:
        return subprocess.run(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{program} did not end within {PATIENCE_S:g} s") from None
