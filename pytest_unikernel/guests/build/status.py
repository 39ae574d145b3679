"""How a program ended, in words, for when it didn't say anything itself."""

from __future__ import annotations

import signal


def how(returncode: int) -> str:
    """Return what a status of subprocess means."""
    if returncode >= 0:
        return f"status {returncode}"
    if -returncode == signal.SIGXFSZ:
        return "killed by SIGXFSZ: a file would be larger than `ulimit -f` allows"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
