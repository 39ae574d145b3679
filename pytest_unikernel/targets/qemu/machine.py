"""Everything that is QEMU's own: the program, machines, firmware, arguments; pure but for the probes.

Source of the arguments: QEMU's ``docs/system/i386/microvm.rst`` and ``qemu(1)``. Measured with QEMU 7.2, in
alternation, medians from spawn to exit: ``--version`` 14.0 ms; microvm 24.0 ms, without ACPI and
automatic command line 22.4 ms; pc 55 ms, q35 72 ms, a disk on pc 65 ms, with a screen 75 ms. Within the noise
of 0.5 ms: thread=single, tb-size, -cpu, -m, -L, a file in place of stdio, and the sandbox.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.host.asking import ask
from pytest_unikernel.plan.target_fields import Unavailable

PROGRAM = "qemu-system-x86_64"
INSTALL = "apt-get install qemu-system-x86"
PATIENCE_S = 10.0
MACHINES = ("microvm", "pc", "q35")
# Without legacy devices, option ROMs and tables that a unikernel doesn't read.
MICROVM = "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,isa-serial=on,acpi=off,auto-kernel-cmdline=off"
# Linux waits for a clock that isn't there, measures the TSC by the PIT, and learns of its disks from the
# command line.
MICROVM_LINUX = "microvm,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on,acpi=off"
# Without option ROMs, microvm's own firmware (a SeaBIOS) hangs in QEMU 10: it has to be this one.
FIRMWARE = "qboot.rom"
OLDEST = (5, 2)  # the first whose microvm knows acpi=
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
# Measured: proportional set size of 20 idle machines, without the guest's memory: 15.3 and 23.1 MiB.
OVERHEAD_MIB, OVERHEAD_DISK_MIB = 16, 24
DEFAULT_TCG_CPU = "qemu64"
WINDOW = "gtk"

# Source: QEMU's hw/i386/x86.c and multiboot.c (what -kernel refuses), SeaBIOS's boot.c (no disk boots).
NOT_BOOTABLE = (
    rb"Error (?:while )?loading (?:elf|uncompressed) kernel|could not load kernel|invalid kernel header"
    rb"|Cannot load x86-64 image|No bootable device\."
)
# Source: QEMU's accel/kvm/kvm-all.c and target/i386/kvm/kvm.c.
KVM_BROKEN = (
    rb"KVM internal error|emulation failure|failed to set MSR|Could not access KVM kernel module"
    rb"|failed to initialize kvm"
)


class Machine(NamedTuple):
    """The machine that a guest gets."""

    kind: str = "microvm"
    memory_mib: int = 32
    cpus: int = 1
    accelerator: str = "tcg"
    cpu: str | None = None
    linux: bool = False

    @property
    def options(self) -> str:
        """The machine as ``-M`` takes it."""
        if self.kind != "microvm":
            return self.kind
        return MICROVM_LINUX if self.linux else MICROVM

    @property
    def cpu_model(self) -> str:
        """The CPU model as QEMU names it."""
        return self.cpu or DEFAULT_TCG_CPU

    @property
    def firmware(self) -> str | None:
        """The firmware that we name, or None for the machine's own."""
        return FIRMWARE if self.kind == "microvm" else None


class Screen(NamedTuple):
    """The destination of a guest's output: our pipe, the terminal, a window."""

    terminal: bool = False
    window: bool = False


def arguments(program: str, machine: Machine, screen: Screen, boot: tuple[str, ...]) -> tuple[str, ...]:
    """Return the argv that boots a guest with nothing it doesn't need."""
    return (
        program,
        *("-nodefaults", "-no-user-config", "-no-reboot", "-nic", "none", "-monitor", "none"),
        *_machine(machine),
        *_screen(machine, screen),
        *boot,
    )


def _machine(machine: Machine) -> tuple[str, ...]:
    cpus = () if machine.cpus == 1 else ("-smp", str(machine.cpus))
    cpu = () if machine.cpu is None else ("-cpu", machine.cpu)
    firmware = () if machine.firmware is None else ("-bios", machine.firmware)
    accelerator = ("-accel", machine.accelerator)
    return ("-M", machine.options, *firmware, "-m", str(machine.memory_mib), *cpus, *accelerator, *cpu)


def _screen(machine: Machine, screen: Screen) -> tuple[str, ...]:
    # On a terminal, stdio would set its modes: a process group in the background is stopped for that.
    terminal = ("-chardev", "file,id=console,path=/dev/stdout,append=on", "-serial", "chardev:console")
    serial = terminal if screen.terminal else ("-serial", "stdio")
    if not screen.window:
        return (*serial, "-display", "none", "-sandbox", SANDBOX)
    # A window's libraries start threads with priorities, or programs: no sandbox.
    graphics = () if machine.kind == "microvm" else ("-vga", "std")
    return (*serial, "-display", WINDOW, *graphics)


# By writing to this port a guest ends QEMU with a status of its own. Source: QEMU's hw/misc/debugexit.c.
EXIT_DEVICE = ("-device", "isa-debug-exit,iobase=0xf4,iosize=4")


def kernel_boot(kernel: str, command_line: str | None) -> tuple[str, ...]:
    """Return the arguments that boot an ELF file (PVH or multiboot), which QEMU only reads."""
    append = () if command_line is None else ("-append", command_line)
    return ("-kernel", kernel, *append)


def disk_of_kernel(image: str, image_format: str, machine: Machine) -> tuple[str, ...]:
    """Return the arguments of a virtio disk, opened read-only under a throw-away overlay in TMPDIR.

    A full overlay is an error for the guest; it does not stop the machine for ever.
    """
    drive = f"id=disk,file={image.replace(',', ',,')},format={image_format},if=none,snapshot=on,werror=report"
    device = "virtio-blk-device" if machine.kind == "microvm" else "virtio-blk-pci"
    return ("-drive", drive, "-device", f"{device},drive=disk")


def disk_boot(image: str, screen: Screen) -> tuple[str, ...]:
    """Return the arguments that boot a raw disk image, opened read-only under a throw-away overlay.

    The overlay is an unlinked file in TMPDIR. ``graphics=off`` makes SeaBIOS say on the serial line
    what it says on the screen; the screen is there because such kernels write to it.
    """
    drive = ("-drive", f"file={image.replace(',', ',,')},format=raw,snapshot=on")
    return drive if screen.window else (*drive, "-machine", "graphics=off", "-vga", "std")


# probes -------------------------------------------------------------------------------------------


class Qemu(NamedTuple):
    """A QEMU that can be used here."""

    program: str
    version: str


def find(program: str | None) -> Qemu | Unavailable:
    """Return the QEMU of that path (or on PATH), or why it can't be used; asked once per program."""
    found = shutil.which(program or PROGRAM)
    if found is not None:
        return _asked(found)
    if program is None:
        return Unavailable(f"no {PROGRAM} on PATH", INSTALL)
    return Unavailable(
        f"qemu={program!r} is not an executable file", "give the path of one that is, or leave qemu= out"
    )


@functools.cache
def _asked(program: str) -> Qemu | Unavailable:
    answer = _ask(program, "-sandbox", "on", "-version")
    match = re.search(r"version (\d+)\.(\d+)\S*", answer)
    if match is None:
        last = answer.strip().rpartition("\n")[2]
        return Unavailable(f"expected a version from {program} -sandbox on -version, got {last!r}", INSTALL)
    if (int(match[1]), int(match[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        return Unavailable(f"{program} is {match[0]}, which is too old", f"install QEMU {wanted} or later")
    if not any((Path(each) / FIRMWARE).is_file() for each in _ask(program, "-L", "help").split("\n")):
        return Unavailable(f"{program} has no firmware {FIRMWARE}", "apt-get install qemu-system-data")
    return Qemu(program, match[0].removeprefix("version "))


def why_no_window(program: str) -> Unavailable | None:
    """Return why QEMU can't show a window, or None."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return Unavailable(
            "display=True: neither DISPLAY nor WAYLAND_DISPLAY is set", "run it in a graphical session"
        )
    if WINDOW not in _ask(program, "-display", "help").split():
        return Unavailable(f"display=True: {program} has no {WINDOW}", "apt-get install qemu-system-gui")
    return None


def _ask(program: str, *arguments: str) -> str:
    """Return QEMU's output, or why it can't be run."""
    try:
        return ask(program, *arguments, within_s=PATIENCE_S, both=True).out.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
