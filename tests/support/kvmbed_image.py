"""The machine of the KVM bed: a Debian file system with a kernel, made once and kept.

The image is kept in ``$UNIKERNEL_CI_DIR/kvm-bed`` if that is set, otherwise in the package's cache. The key
is a hash of the recipe. The cache's owner must remove the images of older recipes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.guests.build import mmdebstrap
from pytest_unikernel.guests.build.cache import cache_directory, locked, private
from pytest_unikernel.guests.build.ownership import unpack
from pytest_unikernel.guests.build.scratch import remove, scratch

INIT = Path(__file__).resolve().parent / "bed" / "init"
LIMIT_S = 360.0
SIZE_MIB = 2048  # sparse: 410 MiB are used
# Part of the key: increase it when the way an image is made from a recipe changes.
VERSION = 1


class Recipe(NamedTuple):
    """The recipe of the file system.

    Attributes:
        packages: Debian packages in addition to the base system.
        suite: the Debian release; payloads are for its Python.
    """

    packages: tuple[str, ...] = (
        *("linux-image-cloud-amd64", "initramfs-tools", "kmod", "mount"),
        *("python3", "qemu-system-x86"),
        "lz4",  # unpacks Debian's kernel once, not in each guest
    )
    suite: str = "bookworm"

    @property
    def key(self) -> str:
        """The name under which the result is kept."""
        parts = (str(VERSION), str(SIZE_MIB), self.suite, *self.packages, INIT.read_text(encoding="utf-8"))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


class Image(NamedTuple):
    """The directory with the files of a machine; they are only read."""

    directory: Path

    @property
    def disk(self) -> Path:
        """The root file system, ext4."""
        return self.directory / "disk.img"

    @property
    def kernel(self) -> Path:
        """Debian's kernel."""
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The initrd with the kernel modules for the disk."""
        return self.directory / "initrd.img"


def cached_image(recipe: Recipe) -> Image:
    """Return the image of a recipe; make it if it is not cached.

    Raises:
        RuntimeError: a program failed; the text has its last lines.
        BuildError: mmdebstrap is missing or took too long.
    """
    made = private(_cache()) / recipe.key
    with locked(made.parent):
        if not made.is_dir():
            _make(recipe, made)
    return Image(made)


def _cache() -> Path:
    kept = os.environ.get("UNIKERNEL_CI_DIR")
    return Path(kept).resolve() / "kvm-bed" if kept else cache_directory("kvm-bed")


def _make(recipe: Recipe, made: Path) -> None:
    """Make the image beside its place; the caller holds the lock, so old files there are of a killed run."""
    for leftover in made.parent.glob("new-*"):
        remove(leftover)
    with scratch("new-", made.parent) as work:
        root = _unpacked(recipe, work)
        shutil.copyfile(INIT, root / "bed-init")
        (root / "bed-init").chmod(0o755)
        image = Image(work / "image")
        image.directory.mkdir(mode=0o700)
        shutil.copy(next((root / "boot").glob("vmlinuz-*")), image.kernel)  # nested guests need the original
        next((root / "boot").glob("initrd.img-*")).replace(image.initrd)
        _called("mke2fs", "-q", "-t", "ext4", "-d", str(root), str(image.disk), f"{SIZE_MIB}M")
        image.directory.replace(made)


def _unpacked(recipe: Recipe, work: Path) -> Path:
    """Return a directory with the file system; the calling user owns its files."""
    archive, root = work / "root.tar", work / "root"
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man")]
    packages = ",".join(recipe.packages)
    options = ("--variant=apt", "--aptopt=APT::Install-Recommends false", *excluded)
    ended = mmdebstrap.run(
        [*options, f"--include={packages}", recipe.suite, str(archive)], work, _silent, limit_s=LIMIT_S
    )
    if ended.status:
        last = "\n".join(ended.tail)
        raise RuntimeError(f"mmdebstrap ended with {ended.status}; its last lines:\n{last}")
    unpack(archive, root)
    archive.unlink()
    return root


def _called(*argv: str) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{argv[0]} did not end within {LIMIT_S:g} s: {error.output!r}") from error
    if done.returncode:
        last = done.stdout.decode(errors="replace")[-3000:]
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}; its last lines:\n{last}")


def _silent(_line: str) -> None:
    pass
