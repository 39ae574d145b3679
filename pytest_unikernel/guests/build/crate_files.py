"""The files of a kernel crate: which they are, their hash, a copy of them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pytest_unikernel.errors import BuildError

CRATE = Path(__file__).resolve().parent.parent / "rust_kernel"
SHIPPED_ELF = "rust_kernel.elf"
SHIPPED_FACTS = "rust_kernel.json"

# Results at the top of the crate, not sources; version control anywhere.
_NOT_AT_TOP = {"target", SHIPPED_ELF, SHIPPED_FACTS}
_NOWHERE = {".git", "__pycache__"}


def crate_files(crate: Path) -> list[Path]:
    """The crate's source files, relative to it, sorted by their text.

    Raises:
        BuildError: there is no ``Cargo.toml``, or a directory is a symbolic link.
    """
    if not (crate / "Cargo.toml").is_file():
        raise BuildError(
            f"expected the directory of a crate, got {str(crate)!r}, which has no Cargo.toml; "
            "`pytest-unikernel build rust-kernel --new DIR` makes one"
        )
    return sorted(_walk(crate), key=lambda file: file.as_posix())


def source_hash(crate: Path) -> str:
    """SHA-256 (hexadecimal) over names and contents of the crate's source files."""
    digest = hashlib.sha256()
    for file in crate_files(crate):
        content = (crate / file).read_bytes()
        name = file.as_posix().encode("utf-8", "surrogateescape")
        # Lengths first, so that no two trees give the same sequence of bytes.
        digest.update(b"%d %d\n" % (len(name), len(content)))
        digest.update(name)
        digest.update(content)
    return digest.hexdigest()


def copy_crate(crate: Path, destination: Path) -> None:
    """Copies the source files; links to files become files, ``destination`` is made."""
    for file in crate_files(crate):
        copy = destination / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(crate / file, copy)


def new_crate(directory: Path) -> None:
    """Copies the shipped crate to an empty or new directory, to be edited there.

    Raises:
        BuildError: the path exists already.
    """
    if os.path.lexists(directory) and not directory.is_dir():
        raise BuildError(f"expected a new or empty directory, got {str(directory)!r}, which is a file")
    if directory.is_dir() and any(directory.iterdir()):
        raise BuildError(
            f"expected a new or empty directory, got {str(directory)!r}, which has files; "
            "nothing was written; choose another directory"
        )
    copy_crate(CRATE, directory)


def _walk(crate: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(crate):
        here = Path(folder)
        not_here = _NOWHERE | (_NOT_AT_TOP if here == crate else set())
        folders[:] = [name for name in folders if name not in not_here]
        for name in folders:
            _refuse_link(here / name)
        yield from ((here / name).relative_to(crate) for name in files if name not in not_here)


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink():
        raise BuildError(
            f"expected a crate that holds its own files, got a link to a directory: {str(folder)!r}; "
            "replace the link with a copy"
        )
