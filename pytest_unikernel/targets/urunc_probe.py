"""Why urunc can't run a unikernel here: found out by running our own one, once per process and variant."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pytest_unikernel import kvm as kvm_host
from pytest_unikernel import reaper
from pytest_unikernel.helperprocess import HelperProcess
from pytest_unikernel.stamps import StampLog
from pytest_unikernel.target import Instance, Place, Target, Unavailable

PATIENCE_S = 20.0
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the directory in it is private and unpredictable
WITHOUT_KVM = "name a monitor= that does without, or use a host whose KVM works with -cpu host"
NO_STAMPS = "urunc ran our unikernel and logged no timestamps"
SWITCH_THEM_ON = (
    "where a daemon calls urunc they are switched on in its own environment (URUNC_TIMESTAMPS=1, up to 0.6) "
    "or in /etc/urunc/config.toml; or take timestamps=False"
)


def why_not(target: Target, qemu: str | None, *, tried: bool) -> Unavailable | None:
    """Return why the target can't run here, or None.

    Args:
        target: what is to be run.
        qemu: the QEMU that it needs, if it needs one.
        tried: its guest is ours, and is run.
    """
    if not kvm_host.DEVICE.exists() and qemu is not None:
        return Unavailable(f"no {kvm_host.DEVICE}, which urunc copies for its monitor", "modprobe kvm")
    if not tried:
        return None
    return _told(_tried(_Once(target)), qemu)


def _told(said: str | None, qemu: str | None) -> Unavailable | None:
    if said is None:
        return None
    kvm = kvm_host.usable(qemu) if qemu is not None and "kvm" in said.lower() else None
    if isinstance(kvm, Unavailable):
        return Unavailable(f"urunc's QEMU needs KVM: {kvm.reason}", kvm.cure)
    if "kvm" in said.lower():
        return Unavailable(f"urunc's QEMU gets on with no KVM like this one: {said}", WITHOUT_KVM)
    if said == NO_STAMPS:
        return Unavailable(said, SWITCH_THEM_ON)
    return Unavailable(f"urunc can't run our unikernel here: {said}", "see what it says with `urunc --debug`")


class _Once:
    """A target whose equals have the same variant: tried once per process."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._key = repr((target.argv, os.environ.get("PATH"), target.prepare))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@functools.cache
def _tried(once: _Once) -> str | None:
    """Launch one; return what went wrong."""
    parent = str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK | os.X_OK) else None
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="unikernel-", dir=parent) as directory:
        own = Path(directory, "instance")
        own.mkdir()
        instance = Instance(f"u{token[:8]}-0", str(own), token, "")
        target = once.target
        assert target.prepare is not None  # noqa: S101 - of our own making
        prepared = target.prepare(target, Place(token, directory))
        leftovers = [part.replace("{session}", token) for part in prepared.leftovers]
        log = _Log(prepared)
        with _watched(directory, token, leftovers):
            try:
                said = _launched(prepared, instance)
                if said is None and prepared.cleanup is not None:
                    prepared.cleanup(instance)
                return said or log.why_no_stamps(instance)
            finally:
                _call(leftovers)


@contextlib.contextmanager
def _watched(directory: str, token: str, leftovers: list[str]) -> Iterator[None]:
    """Have the reaper clean up should this process be killed meanwhile, as it does for a load."""
    removals = Path(directory, "removals")
    removals.mkdir(0o700)
    owed = json.dumps({"argv": leftovers, "env": dict(os.environ)})
    (removals / "1").write_text(owed, encoding="ascii")
    watching = HelperProcess("reaper", ["-S", reaper.__file__], [directory, token])
    try:
        yield
    finally:
        watching.close(goodbye=True)


class _Log:
    """The log of a target, from where it is now."""

    def __init__(self, target: Target) -> None:
        self._stamps = target.stamps if isinstance(target.stamps, StampLog) else None
        path = Path(self._stamps.path) if self._stamps else None
        self._offset = path.stat().st_size if path is not None and path.exists() else 0

    def why_no_stamps(self, instance: Instance) -> str | None:
        """Return that the instance wrote none, if it should have."""
        if self._stamps is None:
            return None
        with contextlib.suppress(OSError), Path(self._stamps.path).open("rb") as file:
            file.seek(self._offset)
            if any(each and each.instance == instance.id for each in self._stamps.parser()(file.read())):
                return None
        return NO_STAMPS


def _call(argv: list[str]) -> None:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False)


def _launched(target: Target, instance: Instance) -> str | None:
    with subprocess.Popen(
        [instance.fill(part) for part in target.argv],
        env={**os.environ, **target.env, "UNIKERNEL_ID": instance.id, "UNIKERNEL_SESSION": instance.session},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            said = process.communicate(timeout=PATIENCE_S)[0].decode(errors="replace")
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
