"""A command of ``pytest-unikernel``: its words, its parameters, its run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

PROGRAM = "pytest-unikernel"


class Command(NamedTuple):
    """One command: what is typed, what its help says, its parameters, what it does.

    ``run`` returns the exit status and imports what it needs: the others needn't wait for that.
    """

    words: tuple[str, ...]
    summary: str
    describe: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
