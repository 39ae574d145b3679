"""Noise in memory and waiting: swap, huge pages, KSM, pressure."""

from __future__ import annotations

import re

import psutil

from pytest_unikernel.doctor import files
from pytest_unikernel.doctor.check import Check
from pytest_unikernel.doctor.noise_cpu import noisy, quiet, unknown
from pytest_unikernel.host.disturbances import PRESSURE_PERCENT

MM = "kernel/mm"
RESOURCES = ("cpu", "memory", "io")
MIB = 1 << 20


def swap() -> Check:
    """Report whether anything is swapped out."""
    found = psutil.swap_memory()
    facts = {"total_bytes": found.total, "used_bytes": found.used}
    if not found.total:
        return quiet("swap", "none", **facts)
    shown = f"{found.used / MIB:,.0f} of {found.total / MIB:,.0f} MiB used"
    return noisy("swap", shown, **facts) if found.used else quiet("swap", shown, **facts)


def huge_pages() -> Check:
    """Report whether processes get huge pages without asking."""
    mode = files.chosen(files.SYS / MM / "transparent_hugepage/enabled")
    if mode is None:
        return unknown("huge pages", "not in this kernel")
    make = noisy if mode == "always" else quiet
    return make("huge pages", mode, mode=mode)


def ksm() -> Check:
    """Report whether the kernel merges equal pages."""
    runs = files.number(files.SYS / MM / "ksm/run")
    if runs is None:
        return unknown("ksm", "not in this kernel")
    make = noisy if runs == 1 else quiet
    return make("ksm", "on" if runs == 1 else "off", on=runs == 1)


def pressure() -> Check:
    """Report which resources tasks waited for in the last ten seconds.

    Source: Documentation/accounting/psi.rst.
    """
    found = {name: _waited(name) for name in RESOURCES}
    known = {name: percent for name, percent in found.items() if percent is not None}
    if not known:
        return unknown("pressure", "no /proc/pressure: a kernel without PSI, or booted without psi=1")
    shown = ", ".join(f"{name} {percent:.0f} %" for name, percent in known.items())
    make = noisy if max(known.values()) > PRESSURE_PERCENT else quiet
    return make("pressure", f"tasks waited, of the last 10 s: {shown}", **found)


def _waited(resource: str) -> float | None:
    some = (files.text(files.PROC / "pressure" / resource) or "").partition("\n")[0]
    found = re.search(r"avg10=(\d+\.\d+)", some)
    return float(found[1]) if found else None


def checks() -> list[Check]:
    """Return all checks of this file."""
    return [swap(), huge_pages(), ksm(), pressure()]
