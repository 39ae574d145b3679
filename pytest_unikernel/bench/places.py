"""Places that results are to go to, tried before anything is measured."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pytest_unikernel.errors import SettingError
from pytest_unikernel.results import destinations


def check_file(path: Path, where: str) -> None:
    """Try whether a file can be written, before hours are spent on its content.

    Raises:
        SettingError: it can't.
    """
    _checked(path, where, _check_whole_file)


def _check_whole_file(path: Path) -> None:
    """Try what :func:`~pytest_unikernel.results.whole_file.write_whole` needs: it writes beside the file."""
    if path.exists() or not path.parent.is_dir():
        destinations.check_file(path)
    if not path.exists() or path.is_file():
        destinations.check_directory(Path(os.path.realpath(path)).parent)


def check_directory(path: Path, where: str) -> None:
    """Try whether files can be written into a directory, or into one that can be made.

    Raises:
        SettingError: they can't.
    """
    _checked(path, where, destinations.check_directory)


def check_raw_format(kind: str | None) -> None:
    """Refuse a format of raw data that can't be written.

    Raises:
        LoadError: its library is missing.
    """
    if kind == "parquet":
        from pytest_unikernel.run.raw_parquet import check_library  # noqa: PLC0415 - where it is asked for

        check_library()


def _checked(path: Path, where: str, attempt: Callable[[Path], None]) -> None:
    try:
        attempt(path)
    except (OSError, ValueError) as error:
        raise SettingError(f"{where}: {destinations.refusal(path, error)}") from error
