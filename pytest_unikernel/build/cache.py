"""Where what we built is kept: private directories below ``$XDG_CACHE_HOME/pytest-unikernel``."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_unikernel.errors import BuildError


def cache_directory(name: str) -> Path:
    """Return the cache of that name, which need not exist yet; the directory it is in does.

    Raises:
        BuildError: there is no place for it.
    """
    # Source: XDG Base Directory Specification: a relative path is to be ignored.
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = named if named.is_absolute() else Path.home() / ".cache"
    return private(private(base) / "pytest-unikernel") / name


def private(folder: Path) -> Path:
    """Make a directory for its owner only, unless it is there; return it.

    Raises:
        BuildError: it can't be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(
            f"expected a place to build in, got {str(folder)!r}: {error}; "
            "set XDG_CACHE_HOME to a directory of yours"
        ) from error
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the directory, one process at a time; the system lets go of it should the process die."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
