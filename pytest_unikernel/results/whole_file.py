"""Writes files that others see whole, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a file so that others see the old one or the whole new one; a device is just written to."""
    if file.exists() and not file.is_file():
        file.write_text(text, encoding="utf-8")
        return
    target = _behind_links(file)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("x", encoding="utf-8") as stream:
            stream.write(text)
        beside.replace(target)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(file)) from None
    finally:
        beside.unlink(missing_ok=True)


def _behind_links(file: Path) -> Path:
    """Return the file that a link leads to, so that the link stays one.

    Raises:
        OSError: links lead in a circle. Python before 3.13 raises a RuntimeError for that.
    """
    try:
        return file.resolve()
    except RuntimeError:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(file)) from None
