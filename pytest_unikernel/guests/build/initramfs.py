"""Archives that Linux unpacks into its first file system, written without root. Pure but for ``store``.

Source: Documentation/driver-api/early-userspace/buffer-format.rst ("newc").
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.guests.build.cache import locked

ALIGNED = 4
TRAILER = "TRAILER!!!"
# A script that is edited and tried leaves one each time; a sweep asks once for its own and runs for hours.
KEPT, KEPT_S = 16, 7 * 86400
CONSOLE = (5, 1)  # Source: Documentation/admin-guide/devices.txt


class ArchiveEntry(NamedTuple):
    """A file of an archive.

    Attributes:
        name: its path, without a leading slash.
        mode: type and permissions.
        content: the file's content; a link's target.
        device: major and minor number of a device node.
    """

    name: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(name: str) -> ArchiveEntry:
    """Return a directory."""
    return ArchiveEntry(name, stat.S_IFDIR | 0o755)


def program(name: str, content: bytes) -> ArchiveEntry:
    """Return a file that can be run."""
    return ArchiveEntry(name, stat.S_IFREG | 0o755, content)


def plain_file(name: str, content: bytes, mode: int = 0o644) -> ArchiveEntry:
    """Return a file with the given permissions."""
    return ArchiveEntry(name, stat.S_IFREG | mode, content)


def link(name: str, to: str) -> ArchiveEntry:
    """Return a symbolic link."""
    return ArchiveEntry(name, stat.S_IFLNK | 0o777, to.encode())


def console() -> ArchiveEntry:
    """Return /dev/console, which the kernel opens for its first process."""
    return ArchiveEntry("dev/console", stat.S_IFCHR | 0o600, device=CONSOLE)


def archive(entries: Iterable[ArchiveEntry]) -> bytes:
    """Return the archive, directories before their content; the same entries give the same bytes."""
    listed = [*entries, ArchiveEntry(TRAILER, 0)]
    return b"".join(_record(number, entry) for number, entry in enumerate(listed, 1))


def _record(number: int, entry: ArchiveEntry) -> bytes:
    name = os.fsencode(entry.name) + b"\0"
    links = 1 if entry.mode else 0
    # inode, mode, uid, gid, links, mtime, bytes, the file system's device, the node's, name, check sum
    fields = (
        *(number, entry.mode, 0, 0, links, 0, len(entry.content)),
        *(0, 0, *entry.device, len(name), 0),
    )
    head = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(head + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNED)


def parents(names: Iterable[str]) -> Iterator[ArchiveEntry]:
    """Yield the directories that hold the named files, each once, outer ones first."""
    folders = {str(parent) for name in names for parent in Path(name).parents}
    return (directory(folder) for folder in sorted(folders - {"."}))


def stored_path(content: bytes, folder: Path) -> Path:
    """Return where an archive of this content is kept in the folder."""
    return folder / f"{hashlib.sha256(content).hexdigest()[:32]}.cpio"


def store(content: bytes, folder: Path) -> Path:
    """Write the archive into the folder unless it is there; return its path.

    Archives that were not used for a week are removed, except the latest ones.

    Raises:
        OSError: it can't be written.
        BuildError: the folder can't be made.
    """
    path = stored_path(content, folder)
    with locked(folder):
        if path.is_file() and path.stat().st_size == len(content):
            os.utime(path)
        else:
            new = path.with_suffix(f".{os.getpid()}")
            new.write_bytes(content)
            new.replace(path)
        _prune(folder, path)
    return path


def _prune(folder: Path, asked_for: Path) -> None:
    """Remove archives that were last used long ago; a guest reads its archive only when it starts."""
    others = [each for each in folder.iterdir() if each not in {asked_for, folder / "lock"}]
    by_age = sorted(((each.stat().st_mtime, each) for each in others), reverse=True)
    oldest_s = asked_for.stat().st_mtime - KEPT_S
    for changed_s, each in by_age[KEPT:]:
        if changed_s < oldest_s:
            each.unlink()
