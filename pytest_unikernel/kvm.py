"""Whether KVM can be used here: tried by booting our kernel, because /dev/kvm can exist and not work.

Never a fallback to TCG: either KVM, or the reason why not and what to do about it.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from pytest_unikernel.build.rust_kernel import shipped_kernel
from pytest_unikernel.target import Unavailable
from pytest_unikernel.targets import qemu

DEVICE = Path("/dev/kvm")
SUCCESS = 33
BOOT_LIMIT_S = 5.0
# From the host's own to the nearest that works: where KVM is itself virtual and paravirtual, setting
# IA32_ARCH_CAPABILITIES (MSR 0x10a) is refused.
CPUS = ("host", "host,-arch-capabilities")
TELLING = re.compile(qemu.KVM_BROKEN)


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
            "modprobe kvm_intel or kvm_amd; in a virtual machine, let its host allow nested virtualisation",
        )
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return Unavailable(f"{DEVICE} is not writable by uid {os.getuid()}", "add the user to group kvm")
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
        f"KVM doesn't run even a small kernel here ({'; '.join(reasons)})",
        "use a host whose KVM works (not a virtual one), or leave kvm=True out",
    )


def why_not(program: str, cpu: str) -> str | None:
    """Boot our kernel with KVM once; return what went wrong, or None."""
    machine = qemu.Machine(accelerator="kvm", cpu=cpu)
    boot = qemu.kernel_boot(str(shipped_kernel()), None)
    argv = qemu.arguments(program, machine, qemu.Screen(), boot)
    try:
        ended = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BOOT_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return _telling(error.output) or f"it did not end within {BOOT_LIMIT_S:g} s"
    except OSError as error:
        return str(error)
    if ended.returncode == SUCCESS:
        return None
    return _telling(ended.stdout) or f"exit status {ended.returncode}"


def _telling(output: bytes | None) -> str:
    """Return the line that tells the cause, else the last one."""
    lines = [line for line in (output or b"").splitlines() if line.strip()]
    telling = next((line for line in lines if TELLING.search(line)), lines[-1] if lines else b"")
    return telling.decode(errors="replace").strip()
