"""A Linux virtual machine in QEMU: a minimal guest, an image with a distribution, or a user's initrd."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.errors import TargetError
from pytest_unikernel.guests.build.linux_kernel import newest_kernel
from pytest_unikernel.plan.readiness import Event, Exit, Line, Ready
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu import kvm as kvm_host
from pytest_unikernel.targets.qemu import machine as qemu_host
from pytest_unikernel.targets.qemu.disk_image import given_image
from pytest_unikernel.targets.qemu.kernel_file import default_kernel, given_kernel
from pytest_unikernel.targets.qemu.linux_guest import ALWAYS, LinuxGuest, guest
from pytest_unikernel.targets.qemu.linux_scripts import carried
from pytest_unikernel.targets.qemu.machine import Machine, Qemu, Screen
from pytest_unikernel.targets.qemu.parameters import check_numbers, kvm_cpu, last_part

PathText = str | os.PathLike[str]

NAME = "linux_vm"
MARKER = b"VM successfully running"
THREADS = 2  # QEMU's main loop and RCU; each virtual CPU has one, KVM and a disk bring one more
OVERHEAD_MIB = 28  # measured: proportional set size of 20 idle machines, without the guest's memory
OVERLAY_MIB = 8  # the overlay is in memory; measured: Debian's boot writes 1.4 MiB

# The kernel isn't to measure its delay loop, nor its CPU's timer, against the PIT: 0.12 and 0.16 s under TCG.
# Source: Documentation/admin-guide/kernel-parameters.txt.
UNMEASURED = ("lpj=1000000", "noapictimer")

# The events of a launch, in this order; started, ready and exited are those of every launch.
MARKS = {
    "console": rb"[^\s]",
    "kernel": rb"Linux version ",
    "init": rb"unikernel: init|systemd\[1\]: |Welcome to|INIT: version",
    "marker": rb"(?P<ns>\d{18,20}) VM successfully running",
    "shutdown": rb"reboot: (?:Restarting system|machine restart|Power down)",
}
ORDER = ("started", "console", "kernel", "init", "ready", "shutdown", "exited")
PHASES = {
    "before console": ("started", "kernel"),  # QEMU, firmware, and the kernel until its console is up
    "kernel": ("kernel", "init"),
    "user space": ("init", "ready"),
    "shutdown": ("ready", "exited"),
}
# Source: Linux's kernel/panic.c, and guests/linux/init.c.
FAILURES = {
    rb"Kernel panic - not syncing|unikernel: fatal: ": "guest-panic",
    rb"unikernel: script [^\n]* exit [1-9]": "exit-code",
    qemu_host.NOT_BOOTABLE: "not-ready",
    # A full overlay; a guest may go on read-only as if nothing were wrong. Source: Linux's block/blk-core.c.
    rb"I/O error[^\n]* (?:dev|device) vd[a-z]": "not-ready",
}


def linux_vm(
    *,
    kvm: bool = False,
    kernel: PathText | None = None,
    initrd: PathText | None = None,
    image: PathText | None = None,
    scripts: Sequence[PathText] = (),
    files: Sequence[PathText] = (),
    ready: Ready | str | bytes | None = None,
    append: str | None = None,
    memory_mib: int | None = None,
    cpus: int = 1,
    machine: str | None = None,
    cpu: str | None = None,
    console: bool = False,
    display: bool = False,
    shutdown: bool = True,
    qemu: PathText | None = None,
) -> Target:
    """Return a target that boots Linux; it is ready at its marker line, and succeeds when it then ends.

    Args:
        kvm: run on KVM, never on TCG instead.
        kernel: a bzImage or a vmlinux; by default the kernel that ``build linux-kernel`` made, else the
            kernel that it downloaded (``--packaged``), else the newest readable one of /boot. A bzImage is
            unpacked for the guest if it can be booted by PVH.
        initrd: the user's own; with neither this nor ``image`` the minimal guest is booted.
        image: a raw or qcow2 disk image with a distribution, never written to: each instance has a
            throw-away overlay. It is the guest's /dev/vda.
        scripts: run in the guest in this order; a script that fails or is not reached fails the
            launch. The minimal guest has a busybox for them; in an image root's .profile calls them.
        files: brought into the guest's /root, not run.
        ready: the guest's own line, by default ``VM successfully running``.
        append: added to the kernel's command line.
        memory_mib: the guest's memory, by default 64 for the minimal guest (more for a large kernel), 256
            for an image, 512 with an initrd that isn't ours.
        cpus: the guest's CPUs.
        machine: ``microvm`` (the default), ``pc`` (the default with ``display``, or with an initrd of the
            user's or of a distribution) or ``q35``.
        cpu: QEMU's CPU model; by default its own with TCG, the host's with KVM.
        console: the guest's output goes to the terminal and is not searched: the guest is ready when it ends.
        display: show QEMU's window.
        shutdown: the guest ends by itself after its marker and scripts; if False it is long-lived: we end it.
        qemu: the path of ``qemu-system-x86_64``, by default the one on PATH.

    Raises:
        TargetError: a parameter can't be right, or a file is of another kind.
    """
    check_numbers(NAME, memory_mib=(memory_mib, 1), cpus=(cpus, 1))
    program = None if qemu is None else os.path.abspath(qemu)  # noqa: PTH100 - QEMU looks beside its own path
    brought = carried(scripts, files)
    booted = _guest(kernel, initrd, image, brought, shutdown=shutdown)
    hardware = Machine(
        _machine_kind(machine, booted, display=display),
        _memory(memory_mib, booted),
        cpus,
        "kvm" if kvm else "tcg",
        kvm_cpu(program, cpu) if kvm else cpu,
        linux=True,
    )
    parameters = _Parameters(program, booted, hardware, Screen(console, display), cpu, append)
    looked_at = shutdown and not console
    said = brought.last_words if looked_at else None
    return _target(parameters, _readiness(ready, console=console), said, long_lived=not shutdown)


class _Parameters(NamedTuple):
    """The parameters, checked and completed.

    Attributes:
        program: the QEMU that was asked for, None for the one on PATH.
        asked_cpu: the CPU model that was asked for.
    """

    program: str | None
    guest: LinuxGuest
    machine: Machine
    screen: Screen
    asked_cpu: str | None
    append: str | None

    @property
    def argv(self) -> tuple[str, ...]:
        """QEMU's arguments."""
        guest = self.guest
        kernel = guest.kernel.path if guest.kernel is not None else "vmlinux"
        initrd = () if guest.initrd is None else ("-initrd", guest.initrd)
        disk = () if guest.image is None else qemu_host.disk_of_kernel(*guest.image, self.machine)
        boot = (*qemu_host.kernel_boot(kernel, self._command_line()), *initrd, *disk)
        return qemu_host.arguments(self.program or qemu_host.PROGRAM, self.machine, self.screen, boot)

    def _command_line(self) -> str:
        window = ("console=tty0",) if self.screen.window else ()
        own = () if self.append is None else (self.append,)
        unmeasured = UNMEASURED if self._is_spared_measuring else ()
        return " ".join((*window, "console=ttyS0", *ALWAYS, *unmeasured, *self.guest.words, *own))

    @property
    def _is_spared_measuring(self) -> bool:
        """Whether the guest is the minimal one, on one emulated CPU: it does not need those clocks."""
        is_minimal = self.guest.archive is not None and self.guest.image is None
        return is_minimal and self.machine.accelerator == "tcg" and self.machine.cpus == 1

    def probe(self) -> Unavailable | None:
        """Return why this can't run here, or None; build the files that are missing."""
        found = qemu_host.find(self.program)
        if isinstance(found, Unavailable):
            return found
        window = qemu_host.why_no_window(found.program) if self.screen.window else None
        return window or self.guest.prepare() or self._kvm(found)

    def _kvm(self, found: Qemu) -> Unavailable | None:
        if self.machine.accelerator != "kvm" or self.guest.kernel is None:
            return None
        usable = kvm_host.usable(found.program, self.asked_cpu)
        if isinstance(usable, Unavailable):
            return usable
        return kvm_host.why_no_linux(found.program, usable.cpu, self.guest.kernel.path)

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


def _target(
    parameters: _Parameters, ready: Ready, said: re.Pattern[bytes] | None, *, long_lived: bool
) -> Target:
    machine, screen, disk = parameters.machine, parameters.screen, parameters.guest.image is not None
    is_kvm = machine.accelerator == "kvm"
    broken = {qemu_host.KVM_BROKEN: "kvm-error"} if is_kvm else {}
    return Target(
        NAME,
        parameters.argv,
        env={"TMPDIR": "{dir}"} if disk else {},
        ready=ready,
        output=said,
        failures={} if screen.terminal else {**broken, **FAILURES},
        marks={} if screen.terminal else MARKS,
        probe=parameters.probe,
        versions=parameters.versions,
        long_lived=long_lived,
        memory_bytes=(machine.memory_mib + OVERHEAD_MIB + disk * OVERLAY_MIB) << 20,
        processes=THREADS + machine.cpus + disk + is_kvm,
        console=screen.terminal,
        intervals=tuple(itertools.pairwise(ORDER)),
        phases=PHASES,
        partition=() if screen.terminal else tuple(PHASES),
        naming={"kvm": "kvm", "machine": str, "image": last_part, "kernel": last_part, "initrd": last_part},
    )


def _guest(
    kernel: PathText | None,
    initrd: PathText | None,
    image: PathText | None,
    brought: object,
    *,
    shutdown: bool,
) -> LinuxGuest:
    built = newest_kernel()
    found = (
        default_kernel(built.vmlinux if built is not None else None)
        if kernel is None
        else given_kernel(Path(kernel))
    )
    disk = None if image is None else given_image(Path(image))
    return guest(found, disk, initrd, brought, shutdown=shutdown)  # type: ignore[arg-type]


def _readiness(ready: Ready | str | bytes | None, *, console: bool) -> Ready:
    if console:
        if ready is not None:
            raise TargetError(
                f"{NAME}: console=True sends the output to the terminal, where ready= can't "
                f"read it, got ready={ready!r}; leave one of them out"
            )
        return Exit()
    wanted = MARKER if ready is None else ready
    made = Line(wanted) if isinstance(wanted, (str, bytes)) else wanted
    if not isinstance(made, (Line, Exit, Event)):
        raise TargetError(
            f"{NAME}: ready must be a Line(…) of the console, because the guest has no network, got {ready!r}"
        )
    return made


def _machine_kind(machine: str | None, booted: LinuxGuest, *, display: bool) -> str:
    if machine is not None and machine not in qemu_host.MACHINES:
        raise TargetError(f"{NAME}: machine must be one of {', '.join(qemu_host.MACHINES)}, got {machine!r}")
    foreign = booted.initrd is not None and booted.archive is None
    return machine or ("pc" if display or foreign else "microvm")


def _memory(memory_mib: int | None, booted: LinuxGuest) -> int:
    if memory_mib is not None and memory_mib < booted.least_memory_mib:
        raise TargetError(
            f"{NAME}: memory_mib must be >= {booted.least_memory_mib} for this kernel and its initrd, "
            f"got {memory_mib}"
        )
    return memory_mib or booted.usual_memory_mib
