"""Bounds of one case: CPU time and memory."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

# Of the CPU, not of the clock: a busy machine proves nothing about the code.
MOST_CPU_S = 10.0
MOST_BYTES = 1 << 30


class TooSlowError(BaseException):
    """A case took more CPU time than it may; no handler of ``Exception`` swallows it."""


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    """Let this process have at most ``MOST_BYTES`` more than it has now: a MemoryError is a fault."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def bounded_time() -> Iterator[None]:
    """Raise a :class:`TooSlowError` in what takes more than ``MOST_CPU_S``."""

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TooSlowError(f"more than {MOST_CPU_S:g} s of CPU time")

    old = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
