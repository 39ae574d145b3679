"""Removes all containers with a label: ``python -I -S remove_containers.py LABEL PROGRAM rm OPTION...``.

It is what a session's end calls, and the reaper if pytest was killed: it imports nothing of this package. An
engine goes on with what it was asked for by a client that is gone, so it looks until there is nothing twice
in a row. One that doesn't answer may be on its way up again, with our containers: it is given some time.
Other people's containers are never listed. Exit status 1: some are left, or the engine is silent.
"""

from __future__ import annotations

import subprocess
import sys
import time

BOUND_S = 90.0
CALL_S = 60.0
SILENCE_S, ASK_AGAIN_S = 15.0, 1.0
PAUSE_S = 0.2
PAUSE_CALLS = 5  # a busy engine lists slowly, and goes on creating for as long again
QUIET_LOOKS = 2
MOST = 64  # in one call


def main(argv: list[str]) -> int:
    """Remove until nothing is found any more, within bounds."""
    label, program, *removal = argv[1:]
    heard_s = time.monotonic()
    end_s = heard_s + BOUND_S
    quiet, wrong = 0, "new ones came all the time"
    while quiet < QUIET_LOOKS and time.monotonic() < end_s:
        asked_s = time.monotonic()
        found, silence = labelled(program, label)
        took_s = time.monotonic() - asked_s
        if not silence:
            heard_s = time.monotonic()
            quiet = 0 if found else quiet + 1
        elif time.monotonic() >= heard_s + SILENCE_S:
            wrong = silence
            break
        for begin in range(0, len(found), MOST):
            called(program, *removal, *found[begin : begin + MOST])
        if quiet < QUIET_LOOKS:
            time.sleep(ASK_AGAIN_S if silence else pause_s(took_s))
    if quiet == QUIET_LOOKS:
        return 0
    listing = f"{program} ps --all --quiet --filter label={label}"
    print(f"{wrong}; later: {program} {' '.join(removal)} $({listing})", file=sys.stderr)  # noqa: T201
    return 1


def pause_s(listing_took_s: float) -> float:
    """Return how long to wait for what the engine was still asked for before it is looked at again."""
    return max(PAUSE_S, PAUSE_CALLS * listing_took_s)


def labelled(program: str, label: str) -> tuple[list[str], str]:
    """Return the ids of all containers with the label, in whatever state; and why the engine doesn't say."""
    done = called(program, "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}")
    if done is None:
        return [], f"{program} does not answer"
    if done.returncode:
        return [], done.stderr.decode(errors="replace").strip() or f"{program} ps: status {done.returncode}"
    return done.stdout.decode().split(), ""


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
