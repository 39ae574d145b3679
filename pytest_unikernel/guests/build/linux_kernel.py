"""Builds Linux kernels for guests, each state of sources, configuration and compiler once; keeps the results.

The cache: ``$XDG_CACHE_HOME/pytest-unikernel/linux-kernel/<key>/`` with vmlinux (PVH, stripped), bzImage,
config and kernel.json; ``newest`` is a link to the last one. An unfinished build stays in ``work``, where the
next call goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build.cache import cache_directory, locked, private
from pytest_unikernel.guests.build.elf import why_not_pvh, why_truncated
from pytest_unikernel.guests.build.kbuild import make
from pytest_unikernel.guests.build.linux_sources import Sources, find_sources
from pytest_unikernel.guests.build.static_program import GUESTS
from pytest_unikernel.guests.build.status import how

Progress = Callable[[str], None]

CACHE = "linux-kernel"
FRAGMENT = GUESTS / "linux" / "tiny.config"
_CACHE_VERSION = 1  # part of the key: raise it when the same inputs give another kernel
_TOOLS = {
    **{tool: tool for tool in ("make", "gcc", "flex", "bison", "bc", "tar")},
    "ld": "binutils",
    "xz": "xz-utils",
}
# Headers for the kernel's own tools (objtool).
_HEADERS = {"gelf.h": "libelf-dev"}
_TARGETS = {"tiny": ("tinyconfig",), "defconfig": ("x86_64_defconfig", "kvm_guest.config")}


class BuiltKernel(NamedTuple):
    """A kernel in the cache."""

    directory: Path

    @property
    def vmlinux(self) -> Path:
        """The ELF file, which is booted by PVH."""
        return self.directory / "vmlinux"

    @property
    def bzimage(self) -> Path:
        """The same kernel for the boot protocol of PCs."""
        return self.directory / "bzImage"

    @property
    def version(self) -> str:
        """The kernel's release: ``6.1.150``."""
        return str(json.loads((self.directory / "kernel.json").read_text(encoding="utf-8"))["version"])


def newest_kernel(cache_dir: Path | None = None) -> BuiltKernel | None:
    """Return the kernel that was built last, or None; never fails."""
    try:
        newest = (cache_dir or cache_directory(CACHE)) / "newest"
        built = BuiltKernel(newest.resolve(strict=True))
    except (OSError, BuildError):
        return None
    return built if built.vmlinux.is_file() else None


def build_kernel(
    source: str | Path | None = None,
    *,
    config: str | Path = "tiny",
    jobs: int | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> BuiltKernel:
    """Build a kernel, unless that was done before.

    The sources are never written to. Several processes may ask for the same kernel at once: one works, the
    others wait for it.

    Args:
        source: a source tree, a tarball, a version to download, or None for Debian's linux-source.
        config: ``tiny``, ``defconfig``, or the path of a whole ``.config``.
        jobs: how many compilers run at once, by default one per CPU.
        cache_dir: where results are kept, by default below ``$XDG_CACHE_HOME``.
        progress: called with a line now and then.

    Raises:
        BuildError: no sources, no compiler, a bad configuration, or make failed.
    """
    tell = progress or _silent
    _refuse_missing_tools()
    cache = private(cache_dir or cache_directory(CACHE))
    base = _configuration(config)
    sources = find_sources(source, cache / "downloads", tell)
    folder = cache / _key(sources, base)
    built = BuiltKernel(folder)
    with locked(folder):
        if not _is_built(built):
            _Build(sources, base, folder, jobs or os.cpu_count() or 1, tell).run()
    _make_newest(cache, folder)
    return built


class _Configuration(NamedTuple):
    """A kernel's configuration: targets of make, then added options; or a whole file."""

    name: str
    targets: tuple[str, ...]
    text: str


def _configuration(config: str | Path) -> _Configuration:
    name = str(config)
    if name in _TARGETS:
        text = FRAGMENT.read_text(encoding="utf-8") if name == "tiny" else ""
        return _Configuration(name, _TARGETS[name], text)
    try:
        text = Path(config).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(
            f"expected --config to be tiny, defconfig or the path of a .config, got {name!r}: {error}"
        ) from error
    if "CONFIG_" not in text:
        raise BuildError(f"expected a kernel's .config, got {name!r}, which sets no CONFIG_…")
    return _Configuration(Path(config).name, (), text)


class _Build:
    """A build; the caller holds the folder's lock."""

    def __init__(
        self, sources: Sources, base: _Configuration, folder: Path, jobs: int, tell: Progress
    ) -> None:
        self._sources, self._base, self._folder, self._jobs, self._tell = sources, base, folder, jobs, tell
        self._work = private(folder / "work")
        self._objects = private(self._work / "objects")
        self._log = folder / "make.log"

    def run(self) -> None:
        """Configure, make, and put the results into place; a failed build can be gone on with."""
        self._tell(f"taking the sources from {self._sources.path.name}")
        try:
            tree = self._sources.tree(self._work)
        except BuildError:
            shutil.rmtree(self._folder)  # sources that can't be used won't be asked for again
            raise
        if not (self._work / "configured").exists():
            self._configure(tree)
            (self._work / "configured").touch()
        self._make(tree, f"-j{self._jobs}", "vmlinux", "bzImage")
        self._keep()
        shutil.rmtree(self._work)

    def _configure(self, tree: Path) -> None:
        config = self._objects / ".config"
        for target in self._base.targets:
            self._make(tree, target)
        if self._base.text:
            old = config.read_text(encoding="utf-8") if self._base.targets else ""
            config.write_text(f"{old}\n{self._base.text}", encoding="utf-8")  # the last word counts
        self._make(tree, "olddefconfig")
        got = set(config.read_text(encoding="utf-8").splitlines())
        wanted = [line for line in self._base.text.splitlines() if line.startswith("CONFIG_")]
        missing = [line for line in wanted if line not in got]
        if missing:
            self._tell(f"options that these sources do not have: {', '.join(missing)}")

    def _make(self, tree: Path, *what: str) -> None:
        make(tree, self._objects, what, self._log, self._tell)

    def _keep(self) -> None:
        objects = self._objects
        release = (objects / "include" / "config" / "kernel.release").read_text(encoding="utf-8").strip()
        vmlinux = self._work / "vmlinux"
        _run("strip", "--strip-all", "-o", str(vmlinux), str(objects / "vmlinux"))
        if reason := why_not_pvh(vmlinux):
            raise BuildError(f"expected a configuration with CONFIG_PVH=y, but make built {reason}")
        facts = {
            "version": release,
            "config": self._base.name,
            "compiler": _compiler(),
            "source": self._sources.path.name,
            "source_sha256": self._sources.digest,
        }
        (self._folder / "kernel.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        shutil.copyfile(objects / ".config", self._folder / "config")
        (objects / "arch" / "x86" / "boot" / "bzImage").resolve().replace(self._folder / "bzImage")
        vmlinux.replace(self._folder / "vmlinux")  # last: its presence means that all is complete


def _is_built(kernel: BuiltKernel) -> bool:
    """Return whether the build exists and is whole; a full disk or a crash may have cut it short."""
    if not (kernel.vmlinux.is_file() and kernel.bzimage.is_file()):
        return False
    return why_not_pvh(kernel.vmlinux) is None and why_truncated(kernel.vmlinux) is None


def _key(sources: Sources, base: _Configuration) -> str:
    parts = [str(_CACHE_VERSION), sources.digest, base.name, *base.targets, base.text, _compiler()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _compiler() -> str:
    return _run("gcc", "--version").partition("\n")[0]


def _run(*argv: str) -> str:
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BuildError(f"{' '.join(argv)} failed: {ended.stderr.strip()[-500:] or how(ended.returncode)}")
    return ended.stdout


def _refuse_missing_tools() -> None:
    missing = {package for tool, package in _TOOLS.items() if shutil.which(tool) is None}
    if not missing:
        missing = {package for header, package in _HEADERS.items() if not _has_header(header)}
    if missing:
        names = " ".join(sorted(missing))
        raise BuildError(f"can't build a kernel here: no {names}; apt-get install {names}")


def _has_header(name: str) -> bool:
    """Return whether the compiler finds a header."""
    argv = ("gcc", "-E", "-include", name, "-x", "c", os.devnull)
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def _make_newest(cache: Path, folder: Path) -> None:
    place = Path(tempfile.mkdtemp(dir=cache, prefix="newest-"))
    try:
        (place / "link").symlink_to(folder.name)
        (place / "link").replace(cache / "newest")
    finally:
        shutil.rmtree(place)


def _silent(_line: str) -> None:
    pass
