"""Probes whether urunc can run a unikernel here by running ours, once per process and variant."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.plan.stamps import StampLog
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Instance, Unavailable
from pytest_unikernel.targets.one_launch import launched_once
from pytest_unikernel.targets.qemu import kvm as kvm_host

WITHOUT_KVM = "give a monitor= that works without it, or use a host where KVM works with -cpu host"
NO_STAMPS = "urunc ran the shipped unikernel, but logged no timestamps"
SWITCH_THEM_ON = (
    "if a daemon starts urunc, switch them on in the environment of the daemon (URUNC_TIMESTAMPS=1, up to "
    "0.6) or in /etc/urunc/config.toml; or use timestamps=False"
)


def why_not(target: Target, qemu: str | None, *, tried: bool) -> Unavailable | None:
    """Return why the target can't run here, or None.

    Args:
        target: the target to launch.
        qemu: the QEMU that it needs, if it needs one.
        tried: its guest is ours, and is run.
    """
    if not kvm_host.DEVICE.exists() and qemu is not None:
        return Unavailable(f"no {kvm_host.DEVICE}, which urunc needs for its monitor", "modprobe kvm")
    if not tried:
        return None
    failure = _tried(_Once(target))
    return None if failure is None else _unavailable(failure, qemu)


class _Failure(NamedTuple):
    """A launch that failed: the last words, and whether it only lacks timestamps."""

    said: str
    lacks_stamps: bool = False


def _unavailable(failure: _Failure, qemu: str | None) -> Unavailable:
    said = failure.said
    if failure.lacks_stamps:
        return Unavailable(said, SWITCH_THEM_ON)
    kvm = kvm_host.usable(qemu) if qemu is not None and "kvm" in said.lower() else None
    if isinstance(kvm, Unavailable):
        return Unavailable(f"urunc's QEMU needs KVM: {kvm.reason}", kvm.cure)
    if "kvm" in said.lower():
        return Unavailable(
            f"QEMU as urunc starts it does not work with the KVM of this host: {said}", WITHOUT_KVM
        )
    return Unavailable(f"urunc can't run the shipped unikernel here: {said}", "`urunc --debug` shows more")


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
def _tried(once: _Once) -> _Failure | None:
    """Launch one instance; return the failure."""
    logs: list[_Log] = []

    def look(prepared: Target) -> Callable[[Instance], str | None]:
        logs.append(_Log(prepared))
        return logs[-1].why_no_stamps

    said = launched_once(once.target, look)
    return None if said is None else _Failure(said, any(log.lacks_stamps for log in logs))


class _Log:
    """The log of a target, from where it is now."""

    def __init__(self, target: Target) -> None:
        self._stamps = target.stamps if isinstance(target.stamps, StampLog) else None
        path = Path(self._stamps.path) if self._stamps else None
        self.lacks_stamps = False
        self._offset = path.stat().st_size if path is not None and path.exists() else 0

    def why_no_stamps(self, instance: Instance) -> str | None:
        """Return that the instance wrote none, if it should have."""
        if self._stamps is None:
            return None
        with contextlib.suppress(OSError), Path(self._stamps.path).open("rb") as file:
            file.seek(self._offset)
            if any(each and each.instance == instance.id for each in self._stamps.parser()(file.read())):
                return None
        self.lacks_stamps = True
        return NO_STAMPS
