"""The files that are to be imported: found, opened, never written to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import ResultFileError
from pytest_unikernel.results.size import read_bounded
from pytest_unikernel.text.grid import printable

HEAD_BYTES = 4096
KEPT_BYTES = 1024  # a directory may hold 200,000 files; those of a launch are smaller than this


class InputFile:
    """A file to import: where it is, its first bytes, all of it."""

    __slots__ = ("_kept", "directory", "name")

    def __init__(self, directory: str, name: str) -> None:
        self.directory = directory
        self.name = name
        self._kept: bytes | None = None

    @property
    def path(self) -> str:
        """The path, as the user will recognise it."""
        return os.path.join(self.directory, self.name)  # noqa: PTH118 - once per file of 200,000

    def head(self) -> bytes:
        """Return the first bytes, which identify the format."""
        return self._read(HEAD_BYTES) if self._kept is None else self._kept

    def data(self) -> bytes:
        """Return the whole content."""
        return self._read(None) if self._kept is None else self._kept

    def text(self) -> str:
        """Return the whole content as text.

        Raises:
            ResultFileError: it is no UTF-8.
        """
        data = self.data()
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self.wrong(line, "text in UTF-8", data[error.start : error.start + 20]) from None

    def wrong(self, line: int, expected: str, got: object, cure: str = "") -> ResultFileError:
        """Return the error for an unexpected line."""
        hint = f"; {cure}" if cure else ""
        return ResultFileError(f"{printable(self.path)}, line {line}: expected {expected}, got {got!r}{hint}")

    def wrong_at(self, offset: int, expected: str, cure: str = "") -> ResultFileError:
        """Return the error for the line around an offset of the content."""
        data = self.data()
        begin = data.rfind(b"\n", 0, offset) + 1
        got = data[begin : begin + 200].partition(b"\n")[0].rstrip(b"\r").decode(errors="replace")
        return self.wrong(data.count(b"\n", 0, offset) + 1, expected, got, cure)

    def _read(self, most: int | None) -> bytes:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = os.read(descriptor, HEAD_BYTES)
                if len(data) <= KEPT_BYTES:  # the whole file: a regular file returns as much as is asked for
                    self._kept = data
                elif most is None:
                    with os.fdopen(os.dup(descriptor), "rb") as stream:
                        data += read_bounded(stream)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ResultFileError(f"can't read {self.path!r}: {error.strerror}") from None
        return data


class Folder(NamedTuple):
    """The files of one directory; ``named`` if the user named each of them."""

    directory: str
    files: list[InputFile]
    named: bool


def found(arguments: Sequence[Path]) -> Iterator[Folder]:
    """Yield the files that are named, by directory, and those below the directories that are named.

    A file is read once, however often it is named. Inside directories, links to and hidden directories
    are skipped, and so are entries that are neither file nor directory.

    Raises:
        ResultFileError: an argument is neither a file nor a directory.
    """
    seen: set[tuple[int, int]] = set()
    single: dict[str, list[InputFile]] = {}
    directories = []
    for argument in arguments:
        status = _status(argument)
        if stat.S_ISDIR(status.st_mode):
            directories.append(argument)
        elif (key := (status.st_dev, status.st_ino)) not in seen:
            seen.add(key)
            directory, name = os.path.split(argument)
            single.setdefault(directory, []).append(InputFile(directory, name))
    for directory, files in single.items():
        yield Folder(directory, files, named=True)
    for argument in directories:
        yield from _below(os.fspath(argument), seen)


def _status(argument: Path) -> os.stat_result:
    try:
        status = argument.stat()
    except OSError as error:
        raise ResultFileError(
            f"expected files or directories of results, got {str(argument)!r}: {error.strerror}"
        ) from None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise ResultFileError(
            f"expected files or directories of results, got {str(argument)!r}, which is neither"
        )
    return status


def _below(directory: str, seen: set[tuple[int, int]]) -> Iterator[Folder]:
    files, inner = [], []
    try:
        device = os.stat(directory).st_dev  # noqa: PTH116
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    inner.append(entry.name)
                elif entry.is_file() and (key := (device, entry.inode())) not in seen:
                    seen.add(key)
                    files.append(entry.name)
    except OSError as error:
        raise ResultFileError(f"can't read the directory {directory!r}: {error.strerror}") from None
    yield Folder(directory, [InputFile(directory, name) for name in sorted(files)], named=False)
    for name in sorted(inner):
        if not name.startswith("."):
            yield from _below(os.path.join(directory, name), seen)  # noqa: PTH118


def names_shown(files: Iterable[InputFile]) -> list[str]:
    """Return for people which files: each path, or the directory and how many where they are many."""
    paths = [each.path for each in files]
    if len(paths) <= 3:
        return paths
    directories = sorted({os.path.dirname(each) for each in paths})  # noqa: PTH120
    counts = (sum(os.path.dirname(each) == directory for each in paths) for directory in directories)  # noqa: PTH120
    return [f"{directory or '.'}/ ({n} files)" for directory, n in zip(directories, counts, strict=True)]
