"""A Rust unikernel in QEMU: ours, one built from a crate, or a kernel or disk image of the user's."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_unikernel.errors import TargetError
from pytest_unikernel.plan.readiness import bytes_regex
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu import kvm as kvm_host
from pytest_unikernel.targets.qemu import machine as qemu_host
from pytest_unikernel.targets.qemu.guest_files import GuestFile, built_guest, given_guest, shipped_guest
from pytest_unikernel.targets.qemu.machine import Machine, Qemu, Screen
from pytest_unikernel.targets.qemu.parameters import check_numbers, kvm_cpu, last_part

PathText = str | os.PathLike[str]

NAME = "rust_kernel"
# Source: guests/rust_kernel/src/exit.rs.
SUCCESS, PANIC, RESET = 33, 35, 0
GREETING = "Hello 42!"
PHASES = {"before console": ("started", "console"), "after console": ("console", "exited")}
LEAST_MEMORY_MIB = 2  # measured: with 1 MiB there is nothing where a kernel is loaded
THREADS = 2  # QEMU's main loop and RCU; each virtual CPU has one, KVM and a disk bring one more


def rust_kernel(
    *,
    image: PathText | None = None,
    crate: PathText | None = None,
    kvm: bool = False,
    memory_mib: int = 32,
    cpus: int = 1,
    machine: str | None = None,
    cpu: str | None = None,
    append: str | None = None,
    console: bool = False,
    display: bool = False,
    qemu: PathText | None = None,
) -> Target:
    """Return a target that boots a unikernel; it succeeds with QEMU's status 33.

    Args:
        image: a kernel of one's own, as an ELF file (PVH or multiboot), or a raw disk image (``bootimage``).
        crate: the directory of a crate like ours, built when its load starts.
        kvm: run on KVM, never on TCG instead.
        memory_mib: the guest's memory.
        cpus: the guest's CPUs; our kernel uses one.
        machine: ``microvm`` (the default for ELF files), ``pc`` (the default for disk images) or ``q35``.
        cpu: QEMU's CPU model; by default its own with TCG, the host's with KVM.
        append: the kernel's command line.
        console: the guest's output goes to the terminal and is not searched.
        display: show QEMU's window.
        qemu: the path of ``qemu-system-x86_64``, by default the one on PATH.

    Raises:
        TargetError: a parameter can't be right.
    """
    check_numbers(NAME, memory_mib=(memory_mib, LEAST_MEMORY_MIB), cpus=(cpus, 1))
    guest = _guest(image, crate)
    kind = _machine_kind(machine, guest, append)
    program = None if qemu is None else os.path.abspath(qemu)  # noqa: PTH100 - QEMU looks beside its own path
    accelerator = "kvm" if kvm else "tcg"
    chosen = kvm_cpu(program, cpu) if kvm else cpu
    hardware = Machine(kind, memory_mib, cpus, accelerator, chosen)
    return _target(_Parameters(program, guest, hardware, Screen(console, display), cpu), append)


class _Parameters(NamedTuple):
    """The parameters, checked and completed.

    Attributes:
        program: the QEMU that was asked for, None for the one on PATH.
        asked_cpu: the CPU model that was asked for.
    """

    program: str | None
    guest: GuestFile
    machine: Machine
    screen: Screen
    asked_cpu: str | None

    def probe(self) -> Unavailable | None:
        """Return why this can't run here, or None; build the files that are missing."""
        found = qemu_host.find(self.program)
        if isinstance(found, Unavailable):
            return found
        return self._kvm(found) or self._window(found) or self.guest.prepare()

    def _kvm(self, found: Qemu) -> Unavailable | None:
        if self.machine.accelerator != "kvm":
            return None
        usable = kvm_host.usable(found.program, self.asked_cpu)
        return usable if isinstance(usable, Unavailable) else None

    def _window(self, found: Qemu) -> Unavailable | None:
        return qemu_host.why_no_window(found.program) if self.screen.window else None

    def versions(self) -> Mapping[str, str]:
        """Return the versions that the launches use."""
        found = qemu_host.find(self.program)
        machine = self.machine
        return {
            "qemu": found.version if isinstance(found, Qemu) else "unknown",
            "accelerator": machine.accelerator,
            "machine": machine.kind,
            "firmware": machine.firmware or "the machine's own",
            "cpu": machine.cpu_model,
            **self.guest.versions(),
        }


def _target(parameters: _Parameters, append: str | None) -> Target:
    guest, machine, screen = parameters.guest, parameters.machine, parameters.screen
    disk = guest.is_disk
    boot = qemu_host.disk_boot(guest.path, screen) if disk else qemu_host.kernel_boot(guest.path, append)
    overhead_mib = qemu_host.OVERHEAD_DISK_MIB if disk else qemu_host.OVERHEAD_MIB
    is_kvm = machine.accelerator == "kvm"
    return Target(
        NAME,
        qemu_host.arguments(
            parameters.program or qemu_host.PROGRAM, machine, screen, (*qemu_host.EXIT_DEVICE, *boot)
        ),
        env={"TMPDIR": "{dir}"} if disk else {},
        exit_codes=frozenset({SUCCESS}),
        exit_reasons={PANIC: "guest-panic", RESET: "not-ready"},
        output=None if screen.terminal else guest.output,
        failures=_failures(kvm=is_kvm),
        **_phases(parameters),
        probe=parameters.probe,
        versions=parameters.versions,
        memory_bytes=(machine.memory_mib + overhead_mib) << 20,
        processes=THREADS + machine.cpus + (disk or is_kvm),
        console=screen.terminal,
        naming={"kvm": "kvm", "machine": str, "image": last_part, "crate": last_part},
    )


def _phases(parameters: _Parameters) -> dict[str, Any]:
    """Return the fields that take a launch apart at the first that its guest prints, where that is looked at.

    A guest that isn't known to print anything has the phases, and no partition.
    """
    if parameters.screen.terminal:
        return {}
    greeting = parameters.guest.output
    mark = rb"[^\s]" if greeting is None else bytes_regex(greeting).pattern
    return {
        "marks": {"console": mark},
        "phases": PHASES,
        "partition": () if greeting is None else tuple(PHASES),
    }


def _failures(*, kvm: bool) -> Mapping[bytes, str]:
    """Return the failures by the texts on the console, or from QEMU itself, that mean them."""
    broken = {qemu_host.KVM_BROKEN: "kvm-error"} if kvm else {}
    return {rb"guest panic: ": "guest-panic", **broken, qemu_host.NOT_BOOTABLE: "not-ready"}


def _guest(image: PathText | None, crate: PathText | None) -> GuestFile:
    if image is not None and crate is not None:
        raise TargetError(f"{NAME}: expected image= or crate=, got both: {image!r} and {crate!r}")
    if image is not None:
        return given_guest(Path(image))
    return shipped_guest(GREETING) if crate is None else built_guest(Path(crate))


def _machine_kind(machine: str | None, guest: GuestFile, append: str | None) -> str:
    if machine is not None and machine not in qemu_host.MACHINES:
        raise TargetError(f"{NAME}: machine must be one of {', '.join(qemu_host.MACHINES)}, got {machine!r}")
    if guest.is_disk and machine == "microvm":
        raise TargetError(
            f"{NAME}: the disk image {guest.path!r} needs machine='pc' or 'q35', got {machine!r}"
        )
    if guest.is_disk and append is not None:
        raise TargetError(
            f"{NAME}: append= needs a kernel, got append={append!r} for the disk image {guest.path!r}"
        )
    return machine or ("pc" if guest.is_disk else "microvm")


RUST_KERNEL = dataclasses.replace(rust_kernel(), factory=rust_kernel)
