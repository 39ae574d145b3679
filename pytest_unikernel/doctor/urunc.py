"""urunc: which one is here, which monitors it could start, whether it writes timestamps and where."""

from __future__ import annotations

from pathlib import Path

from pytest_unikernel.doctor.check import Check
from pytest_unikernel.targets.urunc.facts import UruncFacts, urunc_facts

NO_MONITOR = "apt-get install qemu-system-x86, or build solo5-spt of Solo5"


def urunc() -> Check:
    """Report urunc, its monitors, and whether timestamps are on, and where."""
    found = urunc_facts()
    facts = facts_of(found)
    if found.missing is not None:
        return Check("urunc", "absent", found.missing.reason, found.missing.cure, facts=facts)
    shown = f"{found.version}, log format of {found.release}; timestamps {timestamps_of(found)}"
    if not found.hypervisors:
        return Check("urunc", "no", f"{shown}; no monitor on PATH", NO_MONITOR, facts=facts)
    off = found.why_no_timestamps
    cure = "" if off is None else off.cure
    return Check(
        "urunc",
        "yes",
        f"{shown}; monitors {', '.join(monitors_of(found))}; {on_what(found)}",
        cure,
        facts=facts,
    )


def facts_of(found: UruncFacts) -> dict[str, object]:
    """Return the facts for the JSON; ``timestamps`` is whether a load gets any."""
    return {
        "release": None if found.missing is not None else found.version,
        "releases": found.release or None,
        "monitors": monitors_of(found),
        "accelerator": found.accelerator or None,
        "timestamps": found.timestamps in ("on", "per run"),
        "timestamps_switch": found.timestamps or None,
        "timestamps_file": found.log or None,
        "clients": list(found.clients),
    }


def monitors_of(found: UruncFacts) -> list[str]:
    """Return the names of the monitors' programs."""
    return [Path(path).name for path in found.hypervisors.values()]


def timestamps_of(found: UruncFacts) -> str:
    """Return whether there are any, and where, in a phrase."""
    if found.timestamps == "per run":
        return f"per load, into {found.log or 'a file of its own'}"
    return f"on, into {found.log}" if found.timestamps == "on" else "off"


def on_what(found: UruncFacts) -> str:
    """Return the accelerator for its QEMU, which asks for KVM; only a launch shows whether that works."""
    return (
        "/dev/kvm is there"
        if found.accelerator == "kvm"
        else "no /dev/kvm: only with a monitor= that works without it"
    )
