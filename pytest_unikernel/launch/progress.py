"""The progress of a load and of a whole run: numbers shared with the monitor, and their text. Pure."""

from __future__ import annotations

from typing import NamedTuple

PHASES = ("idle", "warm-up", "window", "cool-down", "drain", "cold", "quiescence")


class Progress(NamedTuple):
    """The generator's counters; instants are CLOCK_MONOTONIC."""

    phase: float = 0
    in_flight: float = 0
    completed: float = 0
    failed: float = 0
    dropped: float = 0
    lateness_ns: float = 0
    phase_end_ns: float = 0
    load_end_ns: float = 0


PROGRESS_CELLS = len(Progress._fields)


# text for people -----------------------------------------------------------------------------------


# the live line -------------------------------------------------------------------------------------


# the whole run -------------------------------------------------------------------------------------
