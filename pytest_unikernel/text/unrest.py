"""The unrest of the host before a load, in words."""

from __future__ import annotations

from pytest_unikernel.host.quiet import Excess, Unrest

SHARES = {
    Unrest.CPU: "CPU busy",
    Unrest.PRESSURE_CPU: "pressure for CPU",
    Unrest.PRESSURE_MEMORY: "pressure for memory",
    Unrest.PRESSURE_IO: "pressure for I/O",
}


def excess_text(excess: Excess) -> str:
    """Return what was busy, with its figures."""
    if excess.kind in SHARES:
        return f"{SHARES[excess.kind]} {excess.now} %, {excess.before} % before the first load"
    text = f"{excess.now} {kind_text(excess)}"
    return text if excess.kind is Unrest.LEFTOVERS else f"{text}, {excess.before} before the first load"


def kind_text(excess: Excess) -> str:
    """Return what was busy, without figures: for many loads at once."""
    if excess.kind is Unrest.RUNNABLE:
        return "runnable tasks"
    if excess.kind is Unrest.LEFTOVERS:
        return f"{'process' if excess.now == 1 else 'processes'} of earlier launches left"
    return SHARES[excess.kind]
