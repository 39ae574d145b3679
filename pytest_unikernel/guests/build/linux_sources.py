"""The origin of a Linux kernel's sources: a tree, a tarball, Debian's package, a version to download."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.cache import private

Progress = Callable[[str], None]

PACKAGED = Path("/usr/src")
INSTALL = "apt-get install linux-source"
# Source: https://www.kernel.org/category/releases.html; the list of check sums is signed by its maintainers.
DOWNLOADS = "https://cdn.kernel.org/pub/linux/kernel"
SUMS = "sha256sums.asc"
VERSION = re.compile(r"(\d+)\.\d+(?:\.\d+)?(?:-rc\d+)?")
DOWNLOAD_PATIENCE_S = 20.0
CHUNK = 1 << 20


class Sources(NamedTuple):
    """The sources of one kernel.

    Attributes:
        path: a directory or a tarball.
        digest: a hash of their content.
    """

    path: Path
    digest: str

    def tree(self, folder: Path) -> Path:
        """Return the directory with the sources, unpacked into the folder if they are a tarball.

        Raises:
            BuildError: the tarball is damaged, or isn't a kernel's.
        """
        return self.path if self.path.is_dir() else _unpacked(self.path, folder)


def find_sources(source: str | Path | None, downloads: Path, progress: Progress) -> Sources:
    """Return the sources that were named, or Debian's newest.

    Args:
        source: a directory, a tarball, a version, or None.
        downloads: where a version's tarball is put.
        progress: called with a line about each slow step.

    Raises:
        BuildError: there are none, or they can't be had.
    """
    if source is None:
        return _tarball(_packaged())
    path = Path(source)
    if path.is_dir():
        return _tree(path.resolve())
    if path.is_file():
        return _tarball(path.resolve())
    if isinstance(source, str) and VERSION.fullmatch(source):
        return _tarball(_downloaded(source, private(downloads), progress))
    raise BuildError(
        f"expected a kernel's source tree, a tarball, or a version such as 6.1.150, got {str(source)!r}"
    )


def _packaged() -> Path:
    found = sorted(PACKAGED.glob("linux-source-*.tar.*"), key=_version_of)
    if not found:
        raise BuildError(
            f"no kernel sources: no linux-source-*.tar.* in {PACKAGED}; {INSTALL}, or give a source tree, "
            "a tarball or a version"
        )
    return found[-1]


def _version_of(path: Path) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", path.name)]


def _tree(path: Path) -> Sources:
    if not (path / "Kbuild").is_file() or not (path / "Makefile").is_file():
        raise BuildError(f"expected a kernel's source tree, got {str(path)!r}: it has no Makefile and Kbuild")
    if (path / ".config").exists() or (path / "include" / "config").exists():
        raise BuildError(
            f"expected a clean source tree, got {str(path)!r}, which was configured in place: "
            f"make -C {path} mrproper, or give another tree"
        )
    digest = hashlib.sha256()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        name = file.relative_to(path)
        if ".git" not in name.parts:
            digest.update(str(name).encode() + b"\0" + file.read_bytes())
    return Sources(path, digest.hexdigest())


def _tarball(path: Path) -> Sources:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return Sources(path, digest.hexdigest())


def _unpacked(tarball: Path, folder: Path) -> Path:
    """Unpack with tar, which refuses members that would leave the folder; whole or not at all."""
    done = folder / "tree"
    if done.is_dir():
        return done
    work = Path(tempfile.mkdtemp(dir=folder, prefix="unpacking-"))
    try:
        argv = ["tar", "--extract", "--no-same-owner", "--strip-components=1", "--file", str(tarball)]
        ended = subprocess.run([*argv, "-C", str(work)], capture_output=True, text=True, check=False)
        if ended.returncode:
            first = ended.stderr.strip().partition("\n")[0]
            raise BuildError(f"expected a complete tarball, got {str(tarball)!r}: {first}")
        if not (work / "Kbuild").is_file():
            raise BuildError(f"expected a kernel's tarball, got {str(tarball)!r}: it has no Kbuild")
        work.replace(done)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return done


def _downloaded(version: str, folder: Path, progress: Progress) -> Path:
    name = f"linux-{version}.tar.xz"
    tarball = folder / name
    if tarball.is_file():
        return tarball
    place = f"{DOWNLOADS}/v{version.partition('.')[0]}.x"
    try:
        wanted = _wanted_sum(f"{place}/{SUMS}", name)
        return _fetched(f"{place}/{name}", tarball, wanted, progress)
    except (urllib.error.URLError, OSError) as error:
        raise BuildError(
            f"can't download {name}: {getattr(error, 'reason', error)}; download it elsewhere, "
            f"then: pytest-unikernel build linux-kernel {name}"
        ) from error


def _wanted_sum(address: str, name: str) -> str:
    with urllib.request.urlopen(address, timeout=DOWNLOAD_PATIENCE_S) as answer:  # noqa: S310 - https, above
        listed = answer.read().decode(errors="replace")
    match = re.search(rf"^([0-9a-f]{{64}})  {re.escape(name)}$", listed, re.MULTILINE)
    if match is None:
        raise BuildError(f"no such release: {address} does not list {name}")
    return match[1]


def _fetched(address: str, tarball: Path, wanted: str, progress: Progress) -> Path:
    new = tarball.with_suffix(".part")
    digest = hashlib.sha256()
    try:
        with (
            urllib.request.urlopen(address, timeout=DOWNLOAD_PATIENCE_S) as answer,  # noqa: S310 - https, above
            new.open("wb") as file,
        ):
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                digest.update(chunk)
                progress(f"downloading {tarball.name}: {file.tell() >> 20} MiB")
        if digest.hexdigest() != wanted:
            raise BuildError(
                f"expected the sha256 of {address} that {SUMS} lists, got "
                f"{digest.hexdigest()}; download it again"
            )
        return new.replace(tarball)
    finally:
        new.unlink(missing_ok=True)
