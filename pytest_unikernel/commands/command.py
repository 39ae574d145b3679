"""What one command of ``pytest-unikernel`` is, and how it talks."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import BuildError
from pytest_unikernel.text.grid import encodable

PROGRAM = "pytest-unikernel"


class Command(NamedTuple):
    """One command: what is typed, what its help says, its parameters, what it does.

    ``run`` returns the exit status and imports what it needs: the others needn't wait for that.
    """

    words: tuple[str, ...]
    summary: str
    describe: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def refuse_no_file(output: Path | None) -> None:
    """Refuse an output that can't be written before hours are spent on what should be in it.

    Raises:
        BuildError: it is a directory, or in none that exists.
    """
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise BuildError(f"expected -o to name a file in a directory that exists, got {str(output)!r}")


def note(line: str) -> None:
    """Tell the user how things go; results alone go to stdout."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def show(text: str) -> None:
    """Write results to stdout, as far as somebody reads them: ``| head`` ends quietly."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        sys.stdout.write(encodable(text, encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must go somewhere, or the interpreter complains about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_whole(file: Path, text: str) -> None:
    """Write a file so that others see the old one or the whole new one; a device is just written to."""
    if file.exists() and not file.is_file():
        file.write_text(text, encoding="utf-8")
        return
    target = file.resolve()  # a link stays one
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("x", encoding="utf-8") as stream:
            stream.write(text)
        beside.replace(target)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(file)) from None
    finally:
        beside.unlink(missing_ok=True)
