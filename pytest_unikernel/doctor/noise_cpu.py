"""Noise in CPU time: clock frequency, other guests, other load, the clock itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_unikernel.doctor import files
from pytest_unikernel.doctor.check import Check
from pytest_unikernel.host import facts as host
from pytest_unikernel.host.disturbances import EFFECTS, RISES_SLOWLY, SLOW_GOVERNORS, STEAL_PERCENT
from pytest_unikernel.host.quiet import QUIET_SHARE

CPUS = "devices/system/cpu"
CLOCKS = "devices/system/clocksource/clocksource0"
CHEAP_CLOCKS = frozenset({"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"})
STEAL_FIELD = 7  # of the line cpu in proc_stat(5), after user, nice, system, idle, iowait, irq, softirq


def noisy(name: str, reason: str, **facts: object) -> Check:
    """Return a disturbance that is at work."""
    effect, cure = EFFECTS[name]
    return Check(name, "noisy", reason, cure, effect, facts)


def quiet(name: str, reason: str, **facts: object) -> Check:
    """Return a disturbance that isn't at work."""
    return Check(name, "quiet", reason, effect=EFFECTS[name].effect, facts=facts)


def unknown(name: str, reason: str) -> Check:
    """Return a disturbance that this host does not show."""
    return Check(name, "unknown", reason, effect=EFFECTS[name].effect)


def governor() -> Check:
    """Report whether the clock waits for load before it rises."""
    found = host.governors()
    if not found:
        return unknown("governor", "no cpufreq: in a virtual machine the host controls the clock frequency")
    shown = ", ".join(found)
    if SLOW_GOVERNORS.isdisjoint(found):
        return quiet("governor", shown, governors=found)
    slowly = " (frequency rises late)" if RISES_SLOWLY.intersection(found) else ""
    return noisy("governor", f"{shown}{slowly}", governors=found)


def turbo() -> Check:
    """Report whether the clock may rise above its nominal frequency."""
    no_turbo = files.text(files.SYS / CPUS / "intel_pstate/no_turbo")
    boost = files.text(files.SYS / CPUS / "cpufreq/boost")
    if no_turbo is None and boost is None:
        return unknown("turbo", "not shown by the kernel")
    on = no_turbo == "0" if no_turbo is not None else boost == "1"
    return noisy("turbo", "on", on=True) if on else quiet("turbo", "off", on=False)


class Times(NamedTuple):
    """CPU time of the whole host so far, in ticks."""

    total: int = 0
    steal: int = 0


def cpu_times() -> Times:
    """Return the host's CPU times. Source: proc_stat(5)."""
    first = (files.text(files.PROC / "stat") or "").partition("\n")[0].split()[1:9]
    ticks = [int(each) for each in first if each.isdigit()]
    return Times(sum(ticks), ticks[STEAL_FIELD] if len(ticks) > STEAL_FIELD else 0)


def steal(begin: Times) -> Check:
    """Report how much CPU time the hypervisor took away, lately and since boot."""
    end = cpu_times()
    if not end.total:
        return unknown("steal", "no /proc/stat")
    lately = _percent(end.steal - begin.steal, end.total - begin.total)
    ever = _percent(end.steal, end.total)
    shown = f"{lately:.1f} % of the CPU time during this check, {ever:.1f} % since boot"
    facts = {"percent": round(lately, 2), "percent_since_boot": round(ever, 2)}
    make = noisy if max(lately, ever) > STEAL_PERCENT else quiet
    return make("steal", shown, **facts)


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole > 0 else 0.0


def load(load1: float) -> Check:
    """Report whether anything else runs; ``load1`` is the load average before our own probes."""
    cores = host.usable_cores()
    shown = f"load average {load1:.2f} on {cores:g} CPUs"
    make = noisy if load1 > QUIET_SHARE * cores else quiet
    return make("load", shown, load1=load1, usable_cores=cores)


def clock() -> Check:
    """Report the clock source, and whether reading it is cheap."""
    current = files.text(files.SYS / CLOCKS / "current_clocksource")
    if current is None:
        return unknown("clock", "not shown by the kernel")
    virtual = " (the hypervisor's)" if current.startswith(("kvm", "hyperv", "xen")) else ""
    make = quiet if current in CHEAP_CLOCKS else noisy
    return make("clock", f"{current}{virtual}", clocksource=current)


def hypervisor() -> Check:
    """Report whether this host is itself a guest. Source: cpuid's flag, /sys/hypervisor, DMI."""
    flags = next(_cpu_flags(), "")
    kind = files.text(files.SYS / "hypervisor/type")
    maker = files.text(files.SYS / "class/dmi/id/sys_vendor")
    if kind is None and "hypervisor" not in flags.split():
        return (
            quiet("hypervisor", "none: bare metal", virtual=False)
            if flags
            else unknown("hypervisor", "not shown by the CPU")
        )
    who = f" ({kind or maker})" if kind or maker else ""
    return noisy("hypervisor", f"this host is a virtual machine{who}", virtual=True)


def _cpu_flags() -> Iterator[str]:
    for line in (files.text(files.PROC / "cpuinfo") or "").splitlines():
        if line.startswith("flags"):
            yield line.partition(":")[2]


def checks(begin: Times, load1: float) -> list[Check]:
    """Return all checks of this file."""
    return [governor(), turbo(), steal(begin), load(load1), clock(), hypervisor()]
