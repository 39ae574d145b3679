"""Parameters that every target in QEMU has."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.numeric import is_whole
from pytest_unikernel.targets.qemu import kvm as kvm_host
from pytest_unikernel.targets.qemu import machine as qemu_host
from pytest_unikernel.targets.qemu.machine import Qemu


def check_numbers(name: str, **given: tuple[object, int]) -> None:
    """Raise unless each value is an integer >= its minimum; None means the default.

    Raises:
        TargetError: one isn't.
    """
    for key, (value, least) in given.items():
        if value is not None and (not is_whole(value) or value < least):
            raise TargetError(f"{name}: {key} must be a whole number >= {least}, got {value!r}")


def kvm_cpu(program: str | None, cpu: str | None) -> str:
    """Return the CPU model that works with KVM here; the probe reports its faults."""
    found = qemu_host.find(program)
    usable = kvm_host.usable(found.program, cpu) if isinstance(found, Qemu) else None
    return usable.cpu if isinstance(usable, kvm_host.Kvm) else cpu or kvm_host.CPUS[0]


def last_part(path: str | os.PathLike[str]) -> str:
    """Return a file's name, for a variant's label."""
    return Path(os.path.realpath(path)).name  # links in a circle are no error here
