"""Private directories of instances, used again while they stay empty: a launch then costs one stat."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pytest_unikernel.launch.cleanup import reaper

PRIVATE_DIRECTORY = stat.S_IFDIR | stat.S_IRWXU


class Directories:
    """Empty directories (0700) under a private one, which the session removes as a whole.

    Where a directory's size shows whether it is empty, as on tmpfs, a directory left empty is
    handed to a later instance; elsewhere each is removed and made again.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = str(parent)
        self._made = 0
        self._free: list[str] = []
        self._empty_size = _empty_size(parent)

    def take(self) -> str:
        """Return an empty directory for one instance alone, until it is given back."""
        if self._free:
            return self._free.pop()
        self._made += 1
        path = f"{self._parent}/{self._made}"
        os.mkdir(path, 0o700)  # noqa: PTH102 - hot path: Path costs more than the call
        return path

    def give_back(self, path: str) -> None:
        """Take a directory back; whatever its instance left in it is removed."""
        try:
            status = os.lstat(path)
            if status.st_size == self._empty_size and status.st_mode == PRIVATE_DIRECTORY:
                self._free.append(path)
                return
            os.rmdir(path)  # noqa: PTH106 - hot path where directories can't be used again
        except OSError:
            reaper.remove(path)


def _empty_size(parent: Path) -> int | None:
    """Return the size of an empty directory, if one with an entry has another size. Source: tmpfs(5)."""
    probe = parent / "probe"
    probe.mkdir(0o700)
    size = probe.stat().st_size
    entry = probe / "entry"
    entry.touch()
    grown = probe.stat().st_size
    entry.unlink()
    probe.rmdir()
    return size if grown > size else None
