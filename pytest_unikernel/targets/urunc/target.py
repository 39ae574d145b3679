"""A unikernel in a container, by urunc: without a daemon, or by containerd, docker or nerdctl."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_unikernel.host.facts import program_version
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.containers.docker import DOCKER
from pytest_unikernel.targets.containers.engine import short
from pytest_unikernel.targets.qemu import machine as qemu_host
from pytest_unikernel.targets.qemu.parameters import check_numbers, last_part
from pytest_unikernel.targets.urunc import checks, engines
from pytest_unikernel.targets.urunc import program as programs
from pytest_unikernel.targets.urunc.checks import NAME, PathText
from pytest_unikernel.targets.urunc.ctr import CTR
from pytest_unikernel.targets.urunc.oci import OCI
from pytest_unikernel.targets.urunc.parameters import Parameters, Via
from pytest_unikernel.targets.urunc.probe import why_not

GREETING = "Hello 42!"
VIAS: Mapping[str, Via] = {
    "oci": OCI,
    "ctr": CTR,
    "docker": engines.via(DOCKER),
    "nerdctl": engines.via(engines.NERDCTL),
}
# Measured: the resident set of QEMU under TCG with our guest, and urunc's own before it.
MEMORY_MIB, PROCESSES = 64, 8
# The first that QEMU's firmware, Solo5, Linux or our own guest write. urunc's own log shares the pipe.
CONSOLE = rb"\x1bc|SeaBIOS|Solo5|Linux version|Hello 42!"


def urunc_container(
    *,
    image: str | None = None,
    bundle: PathText | None = None,
    kernel: PathText | None = None,
    initrd: PathText | None = None,
    unikernel_type: str | None = None,
    hypervisor: str | None = None,
    via: str = "oci",
    command: Sequence[str] = (),
    timestamps: bool = True,
    memory_mib: int | None = None,
    monitor: PathText | None = None,
    urunc: PathText | None = None,
    runtime: str | None = None,
    snapshotter: str | None = None,
    network: str | None = None,
) -> Target:
    """Return a target that runs a unikernel by urunc; ready is the monitor's exit, success its status 0.

    Args:
        image: an image that the engine has, with urunc's metadata; not with ``via="oci"``.
        bundle: a bundle of the user's, ``via="oci"`` only; it is copied, and stays as it is.
        kernel: a unikernel of one's own; by default, without image and bundle, our Rust unikernel.
        initrd: its initrd, for those that have one.
        unikernel_type: the kind of the kernel for urunc: ``unikraft``, ``linux``, ``mewz`` …
        hypervisor: ``qemu`` (the default), ``spt``, ``hvt`` or ``firecracker``; bundles and images say it
            themselves. The last two need KVM and programs of their own, and are passed through, untested.
        via: ``oci``: create, start, wait, delete, without a daemon; ``ctr``: containerd with its stock shim;
            ``docker``: where urunc is registered as a runtime; ``nerdctl``.
        command: the unikernel's arguments.
        timestamps: have urunc log its stamps, and report them as intervals and phases.
        memory_mib: the guest's memory; by default urunc's own choice; ``via="oci"`` only.
        monitor: the path of the hypervisor's program, by default urunc's own choice.
        urunc: the path of urunc, by default the one on PATH.
        runtime: docker's name for urunc (by default ``urunc``), or a shim of ctr's or nerdctl's.
        snapshotter: of containerd; by default ``overlayfs`` with ctr, with nerdctl its own choice.
        network: the container's, with docker and nerdctl; by default none for our own unikernel.

    Raises:
        TargetError: a parameter can't be right.
    """
    check_numbers(NAME, memory_mib=(memory_mib, 1))
    words = checks.checked_command(command)
    checks.check_paths(monitor=monitor, urunc=urunc)
    about = {"runtime": runtime, "snapshotter": snapshotter, "network": network, "monitor": monitor}
    checks.check_via(via, tuple(VIAS), image=image, bundle=bundle, memory_mib=memory_mib, **about)
    what = checks.checked_source(
        image=image,
        bundle=bundle,
        kernel=kernel,
        initrd=initrd,
        unikernel_type=unikernel_type,
        hypervisor=hypervisor,
        command=words,
        memory_mib=memory_mib,
    )
    parameters = Parameters(
        what.guest,
        what.bundle,
        image,
        what.hypervisor,
        timestamps=checks.checked_truth("timestamps", timestamps),
        is_ours=kernel is None and bundle is None and image is None,
        monitor=None if monitor is None else str(Path(monitor).absolute()),
        urunc=None if urunc is None else str(Path(urunc).absolute()),
        command=words,
        runtime=runtime,
        snapshotter=snapshotter,
        network=network,
    )
    return _target(parameters, VIAS[via])


def _target(parameters: Parameters, via: Via) -> Target:
    """Return the target; the rest is prepared when a load starts."""
    fields = via.fields(parameters)
    guest_mib = (parameters.guest.memory_mib if parameters.guest else None) or 0
    failures = {
        rb"guest panic: ": "guest-panic",
        qemu_host.KVM_BROKEN: "kvm-error",
        qemu_host.NOT_BOOTABLE: "not-ready",
        **fields.get("failures", {}),
    }
    own = {
        "memory_bytes": (MEMORY_MIB + guest_mib << 20) + fields.get("memory_bytes", 0),
        "processes": PROCESSES + fields.get("processes", 0),
    }
    return Target(
        NAME,
        **{**fields, **own, "failures": failures},
        output=GREETING if parameters.is_ours else None,
        marks={"console": CONSOLE},
        prepare=functools.partial(via.prepare, parameters),
        probe=functools.partial(_why_not, parameters, via),
        versions=functools.partial(_versions, parameters, via),
        naming={
            "via": lambda name: "" if name == "oci" else str(name),
            "hypervisor": str,
            "image": short,
            "kernel": last_part,
            "bundle": last_part,
            "runtime": str,
            "snapshotter": str,
            "timestamps": lambda on: "" if on else "untimed",
        },
    )


def _why_not(parameters: Parameters, via: Via) -> Unavailable | None:
    """Return why this can't run here, or None; a launch of our own guest is tried."""
    found = programs.find(parameters.urunc)
    if isinstance(found, Unavailable):
        return found
    wrong = programs.why_no_timestamps(found) if parameters.timestamps else None
    if not parameters.timestamps and found.switch == "system":
        wrong = programs.why_timed()
    missing = (
        wrong
        or programs.why_no_config(found)
        or parameters.why_no_monitor(found)
        or via.why_not(parameters, found)
    )
    if missing is not None:
        return missing
    monitor = parameters.monitor_program(found) if parameters.hypervisor == "qemu" else None
    return why_not(_target(parameters, via), monitor, tried=parameters.is_ours)


def _versions(parameters: Parameters, via: Via) -> Mapping[str, str]:
    """Return the versions that the launches use."""
    found = parameters.found()
    monitor = parameters.monitor_program(found)
    return {
        "urunc": found.version,
        "timestamps": f"as of {found.release.label}" if parameters.timestamps else "off",
        "hypervisor": parameters.hypervisor,
        "monitor": (program_version(monitor) if monitor else None) or "unknown",
        "guest": parameters.guest_version(),
        **via.versions(parameters),
    }


URUNC_CONTAINER = dataclasses.replace(urunc_container(), factory=urunc_container)
