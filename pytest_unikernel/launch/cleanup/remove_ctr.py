"""Removes containers of containerd's with their tasks, by ``ctr``; of a whole session, or those named.

    python -I -S remove_ctr.py ids CTR ID...
    python -I -S remove_ctr.py label CTR LABEL TOKEN

It is what ends a launch, a load, and what the reaper calls if pytest was killed: it imports nothing of this
package. ``ctr`` may be gone while containerd still makes what it was asked for, so by a label it looks until
there is nothing twice in a row. Other people's containers are never listed. Exit status 1: some are left.
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
    """Remove what is named."""
    what, ctr, *rest = argv[1:]
    if what == "ids":
        remove(ctr, rest)
        return 0
    return remove_labelled(ctr, *rest)


def remove(ctr: str, ids: list[str]) -> None:
    """End the tasks that run, and remove the containers with their snapshots."""
    called(ctr, "tasks", "delete", "--force", *ids)
    called(ctr, "containers", "delete", *ids)


def remove_labelled(ctr: str, label: str, token: str) -> int:
    """Remove until nothing is found any more, within a bound."""
    end_s = time.monotonic() + BOUND_S
    quiet = 0
    while quiet < QUIET_LOOKS and time.monotonic() < end_s:
        done = called(ctr, "containers", "list", "--quiet", f'labels."{label}"=={token}')
        if done is None or done.returncode:
            print(done.stderr.decode(errors="replace") if done else f"{ctr} does not answer", file=sys.stderr)  # noqa: T201
            return 1
        found = done.stdout.decode().split()
        for begin in range(0, len(found), MOST):
            remove(ctr, found[begin : begin + MOST])
        quiet = 0 if found else quiet + 1
        time.sleep(PAUSE_S if found or quiet < QUIET_LOOKS else 0)
    return 0 if quiet == QUIET_LOOKS else 1


def called(ctr: str, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Call ``ctr``; None if it isn't there or doesn't end."""
    try:
        return subprocess.run(
            [ctr, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=CALL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv))
