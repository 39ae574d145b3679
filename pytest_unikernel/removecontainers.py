"""Removes all containers with a label: ``python -I -S removecontainers.py LABEL PROGRAM rm OPTION...``.

It is what a session's end calls, and the reaper if pytest was killed: it imports nothing of this package. An
engine goes on with what it was asked for by a client that is gone, so it looks until there is nothing twice
in a row. Other people's containers are never listed. Exit status 1: some are left, or the engine is silent.
"""

from __future__ import annotations

import subprocess
import sys
import time

BOUND_S = 90.0
CALL_S = 60.0
PAUSE_S = 0.2
QUIET_LOOKS = 2
MOST = 64  # in one call


def main(argv: list[str]) -> int:
    """Remove until nothing is found any more, within a bound."""
    label, program, *removal = argv[1:]
    end_s = time.monotonic() + BOUND_S
    quiet = 0
    while quiet < QUIET_LOOKS and time.monotonic() < end_s:
        found = labelled(program, label)
        if found is None:
            return 1
        for begin in range(0, len(found), MOST):
            called(program, *removal, *found[begin : begin + MOST])
        quiet = 0 if found else quiet + 1
        time.sleep(PAUSE_S if found or quiet < QUIET_LOOKS else 0)
    return 0 if quiet == QUIET_LOOKS else 1


def labelled(program: str, label: str) -> list[str] | None:
    """Return the ids of all containers with the label, in whatever state; None if the engine doesn't say."""
    done = called(program, "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}")
    if done is None or done.returncode:
        print(done.stderr.decode(errors="replace") if done else f"{program} does not answer", file=sys.stderr)  # noqa: T201
        return None
    return done.stdout.decode().split()


def called(program: str, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Call the engine's client; None if it isn't there or doesn't end."""
    try:
        return subprocess.run(
            [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=CALL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv))
