"""Writes a report's files into a directory: all or none; foreign files are never replaced."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_unikernel.errors import ReportError
from pytest_unikernel.report.page import FILES_META

PAGE = "report.html"
HEAD_BYTES = 65_536  # within which an earlier page names its files
OWN_NAME = re.compile(r"[A-Za-z0-9_-]+\.(png|svg|csv|tsv|md)")


def check_directory(directory: Path) -> None:
    """Refuse a place that no report can go to.

    Raises:
        ReportError: it is something else than a directory, or isn't writable.
    """
    if directory.exists() and not directory.is_dir():
        raise ReportError(
            f"expected a directory for the report, existing or new, got {str(directory)!r}, a file"
        )
    nearest = next(each for each in (directory, *directory.absolute().parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ReportError(f"expected a writable directory for the report, got {str(directory)!r}")


def write_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write all files, replacing those of an earlier report; its surplus files are removed.

    A directory that is made is for its owner alone.

    Raises:
        ReportError: a file of that name isn't an earlier report's, or it can't be written.
    """
    check_directory(directory)
    earlier = files_of(directory)
    foreign = [name for name in files if name not in earlier and os.path.lexists(directory / name)]
    if foreign:
        raise ReportError(
            f"expected a new directory or the directory of an earlier report, got {str(directory)!r} with "
            f"the foreign file {foreign[0]!r}; nothing was written; choose another directory"
        )
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        with _beside(directory, files) as written:
            for name, path in written.items():
                path.replace(directory / name)
    except OSError as error:
        raise ReportError(f"can't write the report into {str(directory)!r}: {error.strerror}") from error
    for name in earlier - set(files):
        (directory / name).unlink(missing_ok=True)


@contextlib.contextmanager
def _beside(directory: Path, files: Mapping[str, bytes]) -> Iterator[dict[str, Path]]:
    """Give the files, written under other names; those still there at the end are removed."""
    written: dict[str, Path] = {}
    try:
        for name, content in files.items():
            path = directory / f".{name}.{secrets.token_hex(8)}"
            written[name] = path
            with path.open("xb") as stream:
                stream.write(content)
        yield written
    finally:
        for path in written.values():
            path.unlink(missing_ok=True)


def files_of(directory: Path) -> set[str]:
    """Return the names of the files that belong to the report in a directory; none where there is none."""
    try:
        with (directory / PAGE).open("rb") as stream:
            head = stream.read(HEAD_BYTES).decode(errors="replace")
    except OSError:
        return set()
    named = re.search(rf'<meta name="{FILES_META}" content="([^"]*)">', head)
    return {PAGE, *filter(OWN_NAME.fullmatch, named[1].split())} if named else set()
