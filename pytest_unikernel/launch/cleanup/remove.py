"""Removes containers of ours, whatever runs them: ``python -I -S remove.py WAY ARGUMENT...``.

    engine LABEL PROGRAM rm OPTION...       all with the label, by a client with Docker's command line
    ctr LABEL TOKEN CTR                     all of containerd's with the label, and their tasks
    ctr-ids CTR ID...                       these of containerd's, and their tasks
    runtime ROOT RUNTIME OPTION...          all in that root of an OCI runtime
    urunc LAUNCHER URUNC ROOT BUNDLES       all in that root of urunc's, and their bundles

It is called after launches and at the end of a load or a session, by the reaper if pytest was killed: it
imports nothing of this package. Other people's containers are never listed: a label holds the session's
token, and a root is the session's own. Every way is bounded. Exit status 1: some are left, or the engine is
silent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

BOUND_S = 90.0
CALL_S = 60.0
DELETION_S = 30.0
SILENCE_S, ASK_AGAIN_S = 15.0, 1.0
PAUSE_S = 0.2
PAUSE_CALLS = 5  # a busy engine lists slowly, and goes on creating for as long again
QUIET_LOOKS = 2
MOST = 64  # in one call
NAMED = 5  # of those that are left


def argv(way: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line of this program."""
    return (sys.executable, "-I", "-S", __file__, way, *arguments)


def main(arguments: Sequence[str]) -> int:
    """Remove the containers that the arguments name; return the exit status."""
    way, *rest = arguments
    return WAYS[way](*rest)


def by_engine(label: str, program: str, *removal: str) -> int:
    """Remove an engine's containers with the label.

    An engine that doesn't answer may be on its way up again, with our containers: it is given some time.
    """
    listing = [program, "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}"]
    return remove_until_none(listing, [[program, *removal]], SILENCE_S)


def by_ctr(label: str, token: str, ctr: str) -> int:
    """Remove containerd's containers with the label, and end their tasks."""
    listing = [ctr, "containers", "list", "--quiet", f'labels."{label}"=={token}']
    return remove_until_none(listing, ctr_removals(ctr), 0.0)


def by_ctr_ids(ctr: str, *ids: str) -> int:
    """Remove these containers of containerd's, and end their tasks; those that are gone already are fine."""
    remove_ids(ctr_removals(ctr), ids)
    return 0


def by_runtime(root: str, runtime: str, *options: str) -> int:
    """Have an OCI runtime delete every container of a root."""
    deletion = [runtime, *options, "--root", root, "delete", "--force"]
    return delete_each([root], deletion, runtime)


def by_urunc(launcher: str, urunc: str, root: str, bundles: str) -> int:
    """Have urunc's launcher remove every container of a root, and every bundle."""
    return delete_each([root, bundles], [launcher, "remove", urunc, root, bundles], urunc)


WAYS: dict[str, Callable[..., int]] = {
    "engine": by_engine,
    "ctr": by_ctr,
    "ctr-ids": by_ctr_ids,
    "runtime": by_runtime,
    "urunc": by_urunc,
}


# containers that are listed ---------------------------------------------------------------------------------


def remove_until_none(listing: list[str], removals: list[list[str]], patience_s: float) -> int:
    """Remove the listed containers until the list is empty twice in a row.

    An engine goes on with the requests of a client that is gone.

    Args:
        listing: the command line that prints the ids.
        removals: the command lines that remove containers; the ids follow.
        patience_s: how long the engine may be silent.
    """
    heard_s = time.monotonic()
    end_s = heard_s + BOUND_S
    quiet, wrong = 0, "new ones came all the time"
    while quiet < QUIET_LOOKS and time.monotonic() < end_s:
        asked_s = time.monotonic()
        found, silence = listed(listing)
        took_s = time.monotonic() - asked_s
        if not silence:
            heard_s = time.monotonic()
            quiet = 0 if found else quiet + 1
        elif time.monotonic() >= heard_s + patience_s:
            wrong = silence
            break
        remove_ids(removals, found)
        if quiet < QUIET_LOOKS:
            time.sleep(ASK_AGAIN_S if silence else pause_s(took_s))
    if quiet == QUIET_LOOKS:
        return 0
    say(f"{wrong}; later: {later(listing, removals)}")
    return 1


def pause_s(listing_took_s: float) -> float:
    """Return how long to wait for the engine's pending requests before the next look."""
    return max(PAUSE_S, PAUSE_CALLS * listing_took_s)


def listed(listing: list[str]) -> tuple[list[str], str]:
    """Return the ids that the engine lists, and why it doesn't."""
    done = called(listing)
    if done is None:
        return [], f"{listing[0]} does not answer"
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        return [], said or f"{listing[0]} {listing[1]}: status {done.returncode}"
    return done.stdout.decode().split(), ""


def remove_ids(removals: list[list[str]], ids: Sequence[str]) -> None:
    """Call each removal for the ids, many at once."""
    for begin in range(0, len(ids), MOST):
        for removal in removals:
            called([*removal, *ids[begin : begin + MOST]])


def ctr_removals(ctr: str) -> list[list[str]]:
    """Return the calls that end tasks, and remove containers with their snapshots."""
    return [[ctr, "tasks", "delete", "--force"], [ctr, "containers", "delete"]]


def later(listing: list[str], removals: list[list[str]]) -> str:
    """Return the command line for a shell, for when the engine answers again."""
    import shlex  # noqa: PLC0415 - only if something is left

    return "; ".join(f"{shlex.join(removal)} $({shlex.join(listing)})" for removal in removals)


def called(command: list[str]) -> subprocess.CompletedProcess[bytes] | None:
    """Call a client and return its output; None if it is missing or does not end."""
    return ended(command, CALL_S, subprocess.PIPE, subprocess.PIPE)


# containers that are directories of ours --------------------------------------------------------------------


def delete_each(directories: list[str], deletion: list[str], runtime: str) -> int:
    """Have the runtime delete the container of every directory; its errors are passed on."""
    for name in containers(directories):
        ended([*deletion, name], DELETION_S, subprocess.DEVNULL, None)
    left = containers(directories)
    if left:
        say(f"{runtime} did not delete {', '.join(left[:NAMED])}")
    return 1 if left else 0


def containers(directories: list[str]) -> list[str]:
    """Return the ids of the containers, one a directory; a runtime may have files there too."""
    return sorted({name for directory in directories for name in directories_in(directory)})


def directories_in(directory: str) -> list[str]:
    """Return the names of the directories in a directory; none if it isn't there."""
    try:
        return [entry.name for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


# ------------------------------------------------------------------------------------------------------------


def ended(
    command: list[str], bound_s: float, output: int, errors: int | None
) -> subprocess.CompletedProcess[bytes] | None:
    """Run a program to its end; None if it isn't there or doesn't end within the bound."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, timeout=bound_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def say(what: str) -> None:
    """Write an error for the caller of this program."""
    print(what, file=sys.stderr)  # noqa: T201 - it is a program


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
