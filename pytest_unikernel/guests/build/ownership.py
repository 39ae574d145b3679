"""File systems that a plain user unpacks, with the owners of their files, for an image made from them."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_unikernel.errors import BuildError

Owners = Mapping[str, tuple[int, int]]


def unpack(archive: Path, folder: Path) -> Owners:
    """Unpack a tar archive into a new folder; return the owners of its files, by name.

    A user who is not root can't make devices, nor files of other owners: devices are left out (the kernel
    makes them), and owners are for the image.

    Raises:
        BuildError: tar failed.
    """
    program = shutil.which("tar")
    if program is None:
        raise BuildError("no tar on PATH; apt-get install tar")
    folder.mkdir(mode=0o755)
    options = ("--extract", "--preserve-permissions", "--no-same-owner", "--exclude=./dev/*")
    ended = subprocess.run(
        [program, *options, f"--file={archive}", f"--directory={folder}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode:
        raise BuildError(f"tar can't unpack what mmdebstrap made: {ended.stderr.strip()}")
    _make_readable(folder)
    with tarfile.open(archive) as tar:
        return {_plain(member.name): (member.uid, member.gid) for member in tar}


def _make_readable(folder: Path) -> None:
    """Make files readable that not even their owner may read; root in the guest can read them anyway."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        permissions = path.stat().st_mode
        if not permissions & stat.S_IRUSR:
            path.chmod(stat.S_IMODE(permissions) | stat.S_IRUSR)


def all_owners(folder: Path, owners: Owners) -> Iterator[tuple[str, int, int]]:
    """Yield each file's name from the root on, its user and its group; files without an entry are root's."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        yield (f"/{name}", *owners.get(name, (0, 0)))


def _plain(name: str) -> str:
    return name.removeprefix("./").rstrip("/")
