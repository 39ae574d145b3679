"""Facts about urunc on this host, for ``pytest-unikernel doctor``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu import kvm as kvm_host
from pytest_unikernel.targets.urunc import program as programs
from pytest_unikernel.targets.urunc.checks import MONITORS
from pytest_unikernel.targets.urunc.program import Urunc

CLIENTS = ("ctr", "docker", "nerdctl")


@dataclass(frozen=True)
class UruncFacts:
    """urunc on this host.

    Attributes:
        missing: why there is none, with the cure; the other fields are empty then.
        program, version: its path; its module's version, ``(devel)`` or ``unknown``.
        release: the line of releases by which its timestamps are read: ``0.7-0.8``.
        hypervisors: hypervisor -> the path of its monitor, for those that are found.
        accelerator: ``kvm``; ``monitor's own`` where a launch worked without it; empty: not known, or none.
        why_no_launch: the failure of a launch of our own unikernel; None if it works or was not tried.
        was_tried: whether one was.
        timestamps: ``on`` and ``off`` are the system's; ``per run``: we switch them ourselves.
        log: where they go; empty: a file of each load's own, or nowhere.
        why_no_timestamps: with the cure, where they are off.
        clients: the clients on this host that could call urunc: ctr, docker, nerdctl.
    """

    missing: Unavailable | None = None
    program: str = ""
    version: str = ""
    release: str = ""
    hypervisors: Mapping[str, str] = field(default_factory=dict)
    accelerator: str = ""
    why_no_launch: Unavailable | None = None
    was_tried: bool = False
    timestamps: str = ""
    log: str = ""
    why_no_timestamps: Unavailable | None = None
    clients: tuple[str, ...] = ()


def urunc_facts(*, deep: bool = False) -> UruncFacts:
    """Return the facts about the urunc on PATH.

    Args:
        deep: launch our own unikernel too, and boot it on KVM; seconds.
    """
    found = programs.find(None)
    clients = tuple(name for name in CLIENTS if shutil.which(name))
    if isinstance(found, Unavailable):
        return UruncFacts(found, clients=clients)
    hypervisors = _hypervisors(found)
    timestamps, log = _timestamps(found)
    why_not = _launched() if deep else None
    return UruncFacts(
        program=found.program,
        version=found.version,
        release=found.release.label,
        hypervisors=hypervisors,
        accelerator=_accelerator(hypervisors.get("qemu"), works=deep and why_not is None),
        why_no_launch=why_not,
        was_tried=deep,
        timestamps=timestamps,
        log=log,
        why_no_timestamps=programs.why_no_timestamps(found),
        clients=clients,
    )


def _hypervisors(urunc: Urunc) -> dict[str, str]:
    configured = programs.config_or_nothing(urunc.switch)
    named = {name: programs.monitor_of(configured, name) or program for name, program in MONITORS.items()}
    found = {name: shutil.which(program) for name, program in named.items()}
    return {name: path for name, path in found.items() if path is not None}


def _timestamps(urunc: Urunc) -> tuple[str, str]:
    if urunc.switch == "environment":
        return "per run", programs.FIXED_LOG
    if urunc.switch == "file":
        return "per run", ""
    log = programs.log_of_system() if urunc.switch == "system" else ""
    return ("on", log) if isinstance(log, str) and log else ("off", "")


def _accelerator(qemu: str | None, *, works: bool) -> str:
    """Return QEMU's accelerator; a device may exist and not work, so only a launch is proof."""
    has_device = os.access(kvm_host.DEVICE, os.R_OK | os.W_OK)
    if not works:
        return "kvm" if has_device and qemu is not None else ""
    usable = qemu is not None and not isinstance(kvm_host.usable(qemu), Unavailable)
    return "kvm" if usable else "monitor's own"


def _launched() -> Unavailable | None:
    from pytest_unikernel.targets.urunc.target import URUNC_CONTAINER  # noqa: PLC0415 - of a deep look only

    assert URUNC_CONTAINER.probe is not None  # noqa: S101 - of our own making
    return URUNC_CONTAINER.probe()
