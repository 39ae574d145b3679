"""What one command of ``pytest-unikernel`` is, and how it talks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import BuildError

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
