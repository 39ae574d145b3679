"""Builds kernel crates with cargo, each state of the sources once; keeps the results.

The cache: ``$XDG_CACHE_HOME/pytest-unikernel/rust-kernel/<key>/kernel.elf``, where the key is a hash
of the sources, the compiler and our flags. Building happens beside it, on a copy of the sources.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_unikernel.errors import BuildError
from pytest_unikernel.guests.build import cargo
from pytest_unikernel.guests.build.cache import cache_directory, locked, private
from pytest_unikernel.guests.build.crate_files import (
    CRATE,
    SHIPPED_ELF,
    SHIPPED_FACTS,
    copy_crate,
    new_crate,
    source_hash,
)
from pytest_unikernel.guests.build.elf import why_not_pvh

__all__ = [
    "ShippedKernel",
    "Verification",
    "build_kernel",
    "new_crate",
    "ship_kernel",
    "shipped_facts",
    "shipped_kernel",
    "source_hash",
    "verify_shipped_kernel",
]

Progress = Callable[[str], None]

CACHE = "rust-kernel"
# Part of the key: raise it when the same inputs give another kernel.
_CACHE_VERSION = 1


def shipped_kernel() -> Path:
    """The kernel that comes with the package: no cargo needed."""
    return CRATE / SHIPPED_ELF


def build_kernel(crate: Path, *, cache_dir: Path | None = None, progress: Progress | None = None) -> Path:
    """Builds a crate made by :func:`new_crate`, or any of that shape, unless that was done before.

    Nothing is written in ``crate``; it must hold all its files (no path dependency outside of it).
    Several processes may build the same crate at once: one works, the others wait for it.

    Args:
        crate: the directory of ``Cargo.toml``; one binary target.
        cache_dir: where results are kept, by default below ``$XDG_CACHE_HOME``.
        progress: called with each line of cargo's progress.

    Raises:
        BuildError: no cargo, not a crate, cargo failed, or the result can't be booted.
    """
    crate = Path(os.path.realpath(crate))  # links in a circle are no error here: what reads the file says so
    sources = source_hash(crate)
    compiler = cargo.find_toolchain(crate)
    folder = private(cache_dir or cache_directory(CACHE)) / _key(sources, compiler)
    kernel = folder / "kernel.elf"
    if _is_built(kernel):
        return kernel
    with locked(private(folder)):
        if not _is_built(kernel):
            _build(crate, sources, compiler, kernel, progress or _silent)
    return kernel


@dataclass(frozen=True)
class ShippedKernel:
    """The facts about the shipped kernel, from ``rust_kernel.json``."""

    rustc: str
    """The compiler: the output of ``rustc -vV``."""
    elf_sha256: str
    source_sha256: str


@dataclass(frozen=True)
class Verification:
    """The shipped kernel compared with a kernel just built from the crate."""

    built: Path
    """The kernel just built."""
    same_sources: bool
    """The sources are those that the shipped kernel was built from."""
    same_file: bool
    """The shipped file equals the recorded file."""
    same_compiler: bool
    """The compiler equals the recorded compiler; only then must the bytes be equal."""
    same_bytes: bool


def shipped_facts() -> ShippedKernel:
    """Reads the note that comes with the shipped kernel."""
    return ShippedKernel(**json.loads((CRATE / SHIPPED_FACTS).read_text(encoding="utf-8")))


def verify_shipped_kernel(*, cache_dir: Path | None = None) -> Verification:
    """Builds our crate and compares the result to the shipped kernel. Needs cargo."""
    noted, shipped = shipped_facts(), shipped_kernel()
    built = build_kernel(CRATE, cache_dir=cache_dir)
    return Verification(
        built=built,
        same_sources=source_hash(CRATE) == noted.source_sha256,
        same_file=_sha256(shipped) == noted.elf_sha256,
        same_compiler=cargo.find_toolchain(CRATE).version == noted.rustc,
        same_bytes=built.read_bytes() == shipped.read_bytes(),
    )


def ship_kernel(*, cache_dir: Path | None = None) -> Path:
    """Builds our crate and puts the result and the note about it into the package."""
    built = build_kernel(CRATE, cache_dir=cache_dir)
    noted = {
        "rustc": cargo.find_toolchain(CRATE).version,
        "elf_sha256": _sha256(built),
        "source_sha256": source_hash(CRATE),
    }
    shutil.copyfile(built, shipped_kernel())
    (CRATE / SHIPPED_FACTS).write_text(json.dumps(noted, indent=2) + "\n", encoding="utf-8")
    return shipped_kernel()


def _build(crate: Path, sources: str, compiler: cargo.Toolchain, kernel: Path, progress: Progress) -> None:
    """Builds in a directory beside the result; the caller holds its lock."""
    work = kernel.parent / "work"
    shutil.rmtree(work, ignore_errors=True)  # of a build that was killed
    try:
        private(work)
        copy_crate(crate, work / "crate")
        if source_hash(work / "crate") != sources:
            raise BuildError(f"the files of {str(crate)!r} changed while they were copied; build again")
        built = cargo.run_build(crate, work, compiler, progress)
        if reason := why_not_pvh(built):
            raise BuildError(_unbootable(crate, reason))
        built.replace(kernel)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _unbootable(crate: Path, reason: str) -> str:
    return (
        f"expected a PVH kernel from {str(crate)!r}, but cargo built {reason}; compare its boot.s, kernel.ld "
        "and build.rs with those of `pytest-unikernel build rust-kernel --new DIR`"
    )


def _is_built(kernel: Path) -> bool:
    return kernel.is_file() and why_not_pvh(kernel) is None


def _key(sources: str, compiler: cargo.Toolchain) -> str:
    parts = [str(_CACHE_VERSION), sources, compiler.version, *cargo.FIXED_ARGS]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _silent(_line: str) -> None:
    pass


if __name__ == "__main__":
    print(ship_kernel())  # noqa: T201  # the answer of a command
