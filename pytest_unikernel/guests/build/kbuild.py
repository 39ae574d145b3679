"""Runs a kernel's make outside of its sources: the same inputs give the same bytes; reports progress."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pytest_unikernel.clock import NS_PER_S, monotonic_ns
from pytest_unikernel.errors import BuildError

TAIL_LINES = 30
EVERY_NS = 10 * NS_PER_S
# Source: Documentation/kbuild/reproducible-builds.rst.
FIXED = {
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "pytest",
    "KBUILD_BUILD_HOST": "unikernel",
    "LC_ALL": "C",
}
STEPS = ("  CC ", "  AS ", "  LD ", "  AR ")


def make(tree: Path, objects: Path, what: Sequence[str], log: Path, tell: Callable[[str], None]) -> None:
    """Make targets of a kernel; finished files stay if it fails or is interrupted.

    Args:
        tree: the sources, only read.
        objects: where everything is made.
        what: targets and options.
        log: gets all that make prints.
        tell: called with a line of progress every ten seconds, and with the last lines if it fails.

    Raises:
        BuildError: make failed; the text ends with its last lines.
    """
    argv = ["make", "-C", str(tree), f"O={objects}", *what]
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            argv,
            env={**os.environ, **FIXED},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - asked for
        try:
            tail = _followed(process.stdout, file.write, tell)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)  # make and its compilers
            raise
    if process.returncode:
        for line in tail:
            tell(line.rstrip())
        raise BuildError(
            f"make {' '.join(what)} failed with status {process.returncode} (complete output: {log})",
            "".join(tail),
        )


def _followed(lines: Iterable[str], write: Callable[[str], object], tell: Callable[[str], None]) -> list[str]:
    """Log the lines, report some as progress, return the last ones."""
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    begun_ns = told_ns = monotonic_ns()
    made = 0
    for line in lines:
        write(line)
        tail.append(line)
        made += line.startswith(STEPS)
        if monotonic_ns() - told_ns > EVERY_NS:
            told_ns = monotonic_ns()
            tell(f"{made} files made in {(told_ns - begun_ns) // NS_PER_S} s: {line.strip()}")
    return list(tail)
