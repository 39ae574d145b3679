"""A command of ``pytest-unikernel``: its words, its parameters, its run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

PROGRAM = "pytest-unikernel"


class Command(NamedTuple):
    """A command: its words, the summary for its help, its parameters, its function.

    With ``takes_program``, all words after ``--`` are another program's and its own: ``parsed.program``.

    ``run`` returns the exit status and imports its modules itself, so that other commands start fast.
    """

    words: tuple[str, ...]
    summary: str
    describe: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    takes_program: bool = False
