"""The terminal that a live line goes to."""

from __future__ import annotations

import os
import sys


def terminal() -> int:
    """Return a descriptor of the terminal that the live line goes to, or -1."""
    try:
        return os.dup(sys.stderr.fileno()) if sys.stderr.isatty() else -1
    except (OSError, ValueError, AttributeError):  # a notebook's, a closed one, none
        return -1
