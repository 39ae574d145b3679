"""Files in an ext2, 3 or 4 image, read and written without mounting it: no root, no loop device.

Source: debugfs(8), which says what went wrong on stderr and ends with status 0.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from pytest_unikernel.errors import BuildError

PATIENCE_S = 120.0
INSTALL = "apt-get install e2fsprogs"
REGULAR = 0o100000
MAGIC_AT, MAGIC = 1024 + 56, b"\x53\xef"


def is_ext(image: Path) -> bool:
    """Whether the file is such a file system, without partitions around it."""
    with image.open("rb") as file:
        file.seek(MAGIC_AT)
        return file.read(2) == MAGIC


def make(folder: Path, image: Path, size: str) -> None:
    """Make a file system of the given size (as ``384M``) with what is in the folder.

    Raises:
        BuildError: no mke2fs, or it failed: mostly because the size doesn't suffice.
    """
    ended = _run("mke2fs", "-q", "-t", "ext4", "-F", "-L", "linux", "-d", str(folder), str(image), size)
    if ended.returncode:
        used = sum(each.lstat().st_blocks * 512 for each in folder.rglob("*")) >> 20
        raise BuildError(
            f"can't fill an image of {size} with {used} MiB; try --size {used * 5 // 4 + 64}M: "
            f"{ended.stderr.strip()}"
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
        raise BuildError(f"no room for {name!r} ({len(content)} bytes) in the image")


def _debugfs(image: Path, command: str, *, may_fail: bool = False) -> None:
    ended = _run("debugfs", "-w", "-R", command, str(image))
    said = [line for line in ended.stderr.splitlines() if line.strip() and not line.startswith("debugfs ")]
    if (said or ended.returncode) and not may_fail:
        raise BuildError(f"debugfs {command}: {' '.join(said) or ended.returncode}")


def _quoted(name: str) -> str:
    if '"' in name or "\n" in name:
        raise BuildError(f"expected a file name without quotes and line ends, got {name!r}")
    return f'"{name}"'


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        raise BuildError(f"no {program} on PATH; {INSTALL}")
    return subprocess.run(
        [found, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PATIENCE_S,
        check=False,
    )
