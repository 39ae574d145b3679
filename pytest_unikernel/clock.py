"""Time, read in one place: every other module of the package takes its clocks from here.

Programs that are run by path import ``time`` themselves, for they import nothing of the package: they clean
up after a pytest that is gone. These are ``reaper.py`` and ``remove.py`` in ``launch/cleanup``.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

NS_PER_S = 1_000_000_000

monotonic_ns: Callable[[], int] = time.monotonic_ns
unix_ns: Callable[[], int] = time.time_ns
sleep_s: Callable[[float], None] = time.sleep
# CLOCK_BOOTTIME, the clock in which /proc/PID/stat gives start times.
boottime_ns: Callable[[], int] = functools.partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)


def seconds(duration_ns: float) -> float:
    """Return a duration in seconds."""
    return duration_ns / NS_PER_S


def nanoseconds(duration_s: float) -> int:
    """Return a duration in whole nanoseconds, rounded to the nearest."""
    return round(duration_s * NS_PER_S)


def local_time(format_: str) -> str:
    """Return the wall-clock time in the local zone, for people."""
    return time.strftime(format_)
