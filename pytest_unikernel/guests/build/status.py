"""The end of a program in words, for programs that print no error themselves."""

from __future__ import annotations

import signal


def how(returncode: int) -> str:
    """Return the meaning of an exit status of subprocess."""
    if returncode >= 0:
        return f"status {returncode}"
    if -returncode == signal.SIGXFSZ:
        return "killed by SIGXFSZ: a file would be larger than `ulimit -f` allows"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
