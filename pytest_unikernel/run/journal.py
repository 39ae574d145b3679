"""The journal: records each finished load, so that an aborted run can be resumed.

A journal is JSON lines: ``{"fullname", "record", "responses_s"}``; ``resumed.py`` reads it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_unikernel.clock import local_time
from pytest_unikernel.errors import LoadError

if TYPE_CHECKING:
    from pytest_unikernel.results.result import LoadResult

SUFFIX = ".journal"


class Journal:
    """A file (0600) with a line per finished load; each line is on disk before the next load.

    The file is created at the first load and locked while its run lives. Without a directory, or on a full
    disk, nothing is recorded: the measurement matters more.

    Attributes:
        lacks: the reason why a load is not in the file; empty if all are.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._path: Path | None = None
        self._descriptor = -1
        self._bytes = 0
        self.lacks = ""
        self._fullnames: set[str] = set()

    def add(self, fullname: str, result: LoadResult) -> None:
        """Append a finished load; interrupted loads are not recorded."""
        if self._directory is None or result.interrupted:
            return
        entry = {"fullname": fullname, "record": result.as_json(), "responses_s": list(result.responses_s)}
        line = json.dumps(entry).encode() + b"\n"
        try:
            if self._descriptor < 0:
                self._open(self._directory)
            _write(self._descriptor, line)
        except OSError as error:
            self._give_up(error)
            return
        self._bytes += len(line)
        self._fullnames.add(fullname)

    def _give_up(self, error: OSError) -> None:
        """Take back half a line; a later load may find room again."""
        self.lacks = error.strerror or str(error)
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._bytes)
                os.lseek(self._descriptor, self._bytes, os.SEEK_SET)

    def _open(self, directory: Path) -> None:
        prefix = f"{local_time('%Y%m%d-%H%M%S')}-"
        self._descriptor, path = tempfile.mkstemp(SUFFIX, prefix, directory)
        self._path = Path(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self, *, keep: bool) -> Path | None:
        """Close the file; return its path if it is kept.

        Journals of earlier runs are removed if this journal has all of their steps.
        """
        if self._path is None:
            return None
        from pytest_unikernel.run.resumed import read  # noqa: PLC0415 - the end of a run with a sweep only

        for path in abandoned(self._path.parent):
            with contextlib.suppress(LoadError):
                if read(path).keys() <= self._fullnames:
                    path.unlink(missing_ok=True)
        os.close(self._descriptor)
        if keep:
            return self._path
        self._path.unlink(missing_ok=True)
        return None


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]
    os.fdatasync(descriptor)


def abandoned(directory: Path) -> list[Path]:
    """Return the journals of runs that have ended, latest last."""
    return [path for path in sorted(directory.glob(f"*{SUFFIX}")) if not _locked(path)]


def _locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # locked, or not ours to read
        return True
    return False
