"""Whether KVM can be used here: tried by booting our kernel, because /dev/kvm can exist and not work.

Never a fallback to TCG: either KVM, or the reason why not, with a cure.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import threading
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.guests.build import initramfs
from pytest_unikernel.guests.build.cache import cache_directory
from pytest_unikernel.guests.build.rust_kernel import shipped_kernel
from pytest_unikernel.guests.build.static_program import LINUX_INIT
from pytest_unikernel.plan.target_fields import Unavailable
from pytest_unikernel.targets.qemu import machine as qemu

DEVICE = Path("/dev/kvm")
SUCCESS = 33
BOOT_LIMIT_S = 30.0  # KVM within a busy emulated machine has taken ten
# From the host's own to the nearest that works: where KVM is itself virtual and paravirtual, setting
# IA32_ARCH_CAPABILITIES (MSR 0x10a) is refused.
CPUS = ("host", "host,-arch-capabilities")
TELLING = re.compile(qemu.KVM_BROKEN)
LINUX_MIB = 128


class Kvm(NamedTuple):
    """KVM works, with this CPU model."""

    cpu: str


def usable(program: str, cpu: str | None = None) -> Kvm | Unavailable:
    """Return the CPU model with which KVM works here, or why none does.

    Args:
        program: the QEMU to try it with.
        cpu: the only CPU model to try, or None for the host's and the nearest to it.
    """
    if not DEVICE.exists():
        return Unavailable(
            f"no {DEVICE}",
            "modprobe kvm_intel or kvm_amd; in a virtual machine, enable nested virtualisation on its host",
        )
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return Unavailable(f"{DEVICE} is not writable by uid {os.getuid()}", "add the user to the group kvm")
    return _tried(program, CPUS if cpu is None else (cpu,))


@functools.cache
def _tried(program: str, cpus: tuple[str, ...]) -> Kvm | Unavailable:
    reasons = []
    for cpu in cpus:
        reason = why_not(program, cpu)
        if reason is None:
            return Kvm(cpu)
        reasons.append(f"with -cpu {cpu}: {reason}")
    return Unavailable(
        f"KVM does not run even a small kernel on this host ({'; '.join(reasons)})",
        "use a host where KVM works (such as bare metal), or leave kvm=True out",
    )


def why_not(program: str, cpu: str) -> str | None:
    """Boot our kernel with KVM once; return the failure, or None."""
    boot = (*qemu.EXIT_DEVICE, *qemu.kernel_boot(str(shipped_kernel()), None))
    status, output = _boot(program, qemu.Machine(accelerator="kvm", cpu=cpu), boot)
    return None if status == SUCCESS else _telling(output) or f"exit status {status}"


def why_no_linux(program: str, cpu: str, kernel: str) -> Unavailable | None:
    """Return why KVM doesn't run this Linux kernel, although it runs ours, or None; tried once each.

    Where KVM is itself virtual it may run simple kernels only: the rest ends in an emulation failure.
    """
    reason = _why_no_linux(program, cpu, kernel)
    if reason is None:
        return None
    return Unavailable(
        f"KVM runs a unikernel on this host, but not Linux with -cpu {cpu}: {reason}",
        "use a host where KVM works (such as bare metal), or leave kvm=True out",
    )


@functools.cache
def _why_no_linux(program: str, cpu: str, kernel: str) -> str | None:
    content = initramfs.archive(
        [initramfs.program("init", LINUX_INIT.shipped.read_bytes()), initramfs.console()]
    )
    memory_mib = LINUX_MIB + (Path(kernel).stat().st_size >> 20)
    machine = qemu.Machine(accelerator="kvm", cpu=cpu, memory_mib=memory_mib, linux=True)
    initrd = str(initramfs.store(content, cache_directory("initramfs")))
    words = "console=ttyS0 reboot=t panic=-1 no_timer_check shutdown"
    boot = (*qemu.kernel_boot(kernel, words), "-initrd", initrd)
    status, output = _boot(program, machine, boot)
    if status == 0 and b"unikernel: init" in output:
        return None
    return _telling(output) or f"exit status {status}"


def _boot(program: str, machine: qemu.Machine, boot: tuple[str, ...]) -> tuple[int | None, bytes]:
    """Return QEMU's status and output; it is ended as soon as it reports an error, or at the limit."""
    argv = qemu.arguments(program, machine, qemu.Screen(), boot)
    output = b""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return None, str(error).encode()
    with process:
        assert process.stdout is not None  # noqa: S101 - asked for
        timer = threading.Timer(BOOT_LIMIT_S, _kill, (process.pid,))
        timer.start()
        try:
            for line in process.stdout:
                output += line
                if TELLING.search(line):
                    _kill(process.pid)
            process.wait()
        finally:
            timer.cancel()
            _kill(process.pid)  # nothing, where it has ended
    if process.returncode == -signal.SIGKILL and not TELLING.search(output):
        output += f"it did not end within {BOOT_LIMIT_S:g} s\n".encode()
    return process.returncode, output


def _kill(group: int) -> None:
    """End QEMU, and with it what a wrapper has started: the output ends with the last that has it open."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _telling(output: bytes) -> str:
    """Return the line with the cause, else the last one."""
    lines = [line for line in output.splitlines() if line.strip()]
    telling = next((line for line in lines if TELLING.search(line)), lines[-1] if lines else b"")
    return telling.decode(errors="replace").strip()
