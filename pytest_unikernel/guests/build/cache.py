"""The cache of built guests: private directories below ``$XDG_CACHE_HOME/pytest-unikernel``."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from pytest_unikernel.errors import BuildError


def cache_directory(name: str) -> Path:
    """Return the cache of that name, which may not exist yet; its parent directory exists.

    Raises:
        BuildError: there is no place for it.
    """
    # Source: XDG Base Directory Specification: a relative path is to be ignored.
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = named if named.is_absolute() else home_directory("XDG_CACHE_HOME") / ".cache"
    return private(private(base) / "pytest-unikernel") / name


def home_directory(instead: str) -> Path:
    """Return the user's home directory.

    Args:
        instead: the variable that names a directory in place of one below it.

    Raises:
        BuildError: there is none.
    """
    try:
        return Path.home()
    except RuntimeError:
        raise BuildError(
            f"expected a home directory, but HOME isn't set and uid {os.getuid()} is no user of this host; "
            f"set HOME, or {instead} to a directory of yours"
        ) from None


def private(folder: Path) -> Path:
    """Make a directory for its owner only, unless it is there; return it.

    Raises:
        BuildError: it can't be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(
            f"expected a writable cache directory, got {str(folder)!r}: {error}; "
            "set XDG_CACHE_HOME to a directory of yours"
        ) from error
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the directory, made if missing, for one process at a time; a process's death unlocks it.

    The holder of the lock may remove the directory.

    Raises:
        BuildError: it can't be made.
    """
    with _locked_file(folder):
        yield


def _locked_file(folder: Path) -> IO[str]:
    lock = folder / "lock"
    while True:
        private(folder)
        with suppress(FileNotFoundError), ExitStack() as opened:  # removed by who held it before: once more
            file = opened.enter_context(lock.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                opened.pop_all()
                return file
