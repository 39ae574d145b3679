"""A target's ``leftovers``: the command that removes everything a session's instances left with a daemon."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_unikernel.launch.cleanup.leftovers import Adopted
from pytest_unikernel.plan.target import Target

PATIENCE_S = 120.0


def command(target: Target, token: str) -> list[str]:
    """Return the argv for a session."""
    return [part.replace("{session}", token) for part in target.leftovers]


@contextmanager
def removed_afterwards(
    target: Target, token: str, done: Callable[[], None] = lambda: None
) -> Iterator[list[str]]:
    """Remove a load's leftovers when it is over; a failure is added to the list, else ``done`` is called.

    The containers' helper processes may have become our children; they end with the containers.
    """
    problems: list[str] = []
    adopted = Adopted()
    try:
        yield problems
    finally:
        wrong = remove(target, token)
        adopted.clear(token, are_ending=True)
        if wrong:
            problems.append(wrong)
        else:
            done()


def remove(target: Target, token: str) -> str:
    """Run it; return the failure, or an empty text."""
    argv = command(target, token)
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, "UNIKERNEL_SESSION": token},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
            start_new_session=True,  # a second Ctrl-C is no reason to leave anything
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"can't remove what instances left: {error}"
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        return f"can't remove what instances left: {said[-500:] or f'status {done.returncode}'}"
    return ""
