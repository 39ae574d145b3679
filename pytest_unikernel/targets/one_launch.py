"""A single launch outside of a load: a probe checks by it whether a target runs here; nothing is left."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_unikernel.host.asking import ask
from pytest_unikernel.launch.cleanup import leftovers, reaper
from pytest_unikernel.launch.cleanup.helper_process import HelperProcess
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance, Place

PATIENCE_S = 20.0
LINGER_S = 1.0  # for the output of a program that has ended
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the directory in it is private and unpredictable

# Takes the prepared target before the launch; returns a function that is called after the launch.
Look = Callable[[Target], Callable[[Instance], str | None]]


def launched_once(target: Target, look: Look | None = None) -> str | None:
    """Launch one instance and remove it; return the failure, or None.

    Args:
        target: its ``prepare`` makes the files of a launch, its ``leftovers`` remove them all.
        look: a further check after a launch that succeeded.
    """
    parent = str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK | os.X_OK) else None
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="unikernel-", dir=parent) as directory:
        own = Path(directory, "instance")
        own.mkdir()
        instance = Instance(f"u{token[:8]}-0", str(own), token, "")
        assert target.prepare is not None  # noqa: S101 - of our own making
        prepared = target.prepare(target, Place(token, directory))
        removal = [part.replace("{session}", token) for part in prepared.leftovers]
        seen = look(prepared) if look is not None else None
        with _watched(directory, token, removal):
            try:
                said = _launched(prepared, instance)
                if said is None and prepared.cleanup is not None:
                    prepared.cleanup(instance)
                return said or (seen(instance) if seen is not None else None)
            finally:
                _call(removal)
                leftovers.sweep(
                    token
                )  # for containers that were just being made, which the removal could not see


@contextlib.contextmanager
def _watched(directory: str, token: str, removal: Sequence[str]) -> Iterator[None]:
    """Have the reaper clean up should this process be killed meanwhile, as it does for a load."""
    removals = Path(directory, "removals")
    removals.mkdir(0o700)
    owed = json.dumps({"argv": removal, "env": dict(os.environ)})
    (removals / "1").write_text(owed, encoding="ascii")
    watching = HelperProcess("reaper", ["-S", reaper.__file__], [directory, token])
    try:
        yield
    finally:
        watching.close(goodbye=True)


def _call(argv: Sequence[str]) -> None:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        ask(*argv, within_s=PATIENCE_S)


def _output(process: subprocess.Popen[bytes]) -> bytes:
    """Return a program's output, which a child may hold open a little longer than the program lives.

    Raises:
        subprocess.TimeoutExpired: it did not end in time.
    """
    has_ended, left_s = False, PATIENCE_S
    while True:
        try:
            return process.communicate(timeout=LINGER_S)[0]
        except subprocess.TimeoutExpired as late:  # noqa: PERF203 - once a second
            left_s -= LINGER_S
            if has_ended:
                return late.output or b""
            has_ended = process.poll() is not None
            if left_s <= 0 and not has_ended:
                raise


def _launched(target: Target, instance: Instance) -> str | None:
    own = {"UNIKERNEL_ID": instance.id, "UNIKERNEL_SESSION": instance.session}
    try:
        process = subprocess.Popen(
            [instance.fill(part) for part in target.argv],
            env={**os.environ, **target.env, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return str(error)
    with process:
        try:
            said = _output(process).decode(errors="replace")
        except subprocess.TimeoutExpired:
            return f"it did not end in {PATIENCE_S:g} s"
        finally:
            if process.poll() is None:  # Ctrl-C ends up here too
                os.killpg(process.pid, signal.SIGKILL)
    wanted = target.output if isinstance(target.output, str) else ""
    if process.returncode == 0 and wanted in said:
        return None
    lines = said.strip().splitlines()
    return lines[-1] if lines else f"status {process.returncode}"
