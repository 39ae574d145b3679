"""Fetches the distribution's kernel for virtual machines: downloaded, neither compiled nor installed.

Installing it would bring an initramfs generator, change the boot loader's menu, and perhaps make it the
kernel that the host itself boots next, without the drivers that real hardware needs. On Ubuntu only root
could read it. So apt downloads the package and checks its signature, and the kernel is taken out of it.

The cache: ``$XDG_CACHE_HOME/pytest-unikernel/packaged-kernel/vmlinuz-<release>``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.cache import cache_directory, locked, private
from pytest_unikernel.guests.build.status import how

CACHE = "packaged-kernel"
# They depend on the current kernel: Debian's and Ubuntu's for virtual machines, then those for any hardware.
PACKAGES = ("linux-image-cloud-amd64", "linux-image-virtual", "linux-image-amd64", "linux-image-generic")
PATIENCE_S = 600.0
ASK_PATIENCE_S = 60.0
_TOOLS = {"apt-get": "apt", "apt-cache": "apt", "dpkg-deb": "dpkg"}
_DEPENDS = re.compile(r"^ *\|?Depends: (linux-image-(?:unsigned-)?\d\S*)$", re.MULTILINE)
_KERNEL = re.compile(r"\./boot/(vmlinuz-[\w.+~-]+)")


def packaged_kernels(cache_dir: Path | None = None) -> list[Path]:
    """Return the kernels that were fetched; never fails."""
    try:
        return list((cache_dir or cache_directory(CACHE)).glob("vmlinuz-*"))
    except (OSError, BuildError):
        return []


def fetch_kernel(*, cache_dir: Path | None = None, progress: Callable[[str], None] | None = None) -> Path:
    """Fetch the kernel, unless the cache has that release already, and return its path: a bzImage.

    Args:
        cache_dir: where it is kept, by default below ``$XDG_CACHE_HOME``.
        progress: called with a line about the download.

    Raises:
        BuildError: no apt on this host, no such package, or the download failed.
    """
    _refuse_missing_tools()
    package = _current_package()
    cache = cache_dir or cache_directory(CACHE)
    with locked(cache):
        kernel = cache / f"vmlinuz-{re.sub('^linux-image-(unsigned-)?', '', package)}"
        if not kernel.is_file():
            if progress is not None:
                progress(f"downloading {package}; it is not installed")
            _download(package, cache, kernel)
    return kernel


def _refuse_missing_tools() -> None:
    missing = sorted({package for tool, package in _TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise BuildError(
            f"can't download a packaged kernel here: no {' '.join(missing)} (Debian and Ubuntu have them); "
            "build a kernel, or give linux_vm(kernel=…)"
        )


def _current_package() -> str:
    """Return the package that holds the kernel on which the first known of PACKAGES depends."""
    for name in PACKAGES:
        argv = ["apt-cache", "depends", "--important", name]
        ended = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=ASK_PATIENCE_S, env=_english()
        )
        if found := _DEPENDS.search(ended.stdout):
            return found[1]
    raise BuildError(f"apt lists none of {', '.join(PACKAGES)}; update its lists: apt-get update (as root)")


def _english() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _download(package: str, cache: Path, kernel: Path) -> None:
    with tempfile.TemporaryDirectory(dir=private(cache), prefix="fetching-") as name:
        place = Path(name)
        # As root apt would download as another user, who can't write here.
        _run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package], place)
        [archive] = place.glob("*.deb")
        unpacked = place / "kernel"
        _unpack(archive, unpacked)
        unpacked.chmod(0o644)
        unpacked.replace(kernel)


def _run(argv: list[str], directory: Path) -> None:
    ended = subprocess.run(
        argv, cwd=directory, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=_english()
    )
    if ended.returncode:
        why = ended.stderr.strip()[-500:] or how(ended.returncode)
        raise BuildError(f"{' '.join(argv)} failed: {why}; apt-get update (as root) may help")


def _unpack(archive: Path, kernel: Path) -> None:
    """Write the kernel that a package holds.

    Raises:
        BuildError: it holds none, or is damaged.
    """
    argv = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpacking:
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as members:
                found = next((each for each in members if _KERNEL.fullmatch(each.name)), None)
                content = members.extractfile(found) if found is not None else None
                if content is None:
                    raise BuildError(f"expected a /boot/vmlinuz-… in {archive.name}, found none")
                with kernel.open("xb") as file:
                    shutil.copyfileobj(content, file)
        except tarfile.TarError as error:
            raise BuildError(f"{archive.name} can't be unpacked: {error}") from error
        finally:
            unpacking.kill()  # the modules behind the kernel aren't needed
