"""The disturbances of loads in words, as found in their records. Pure: records in, text out.

``host/disturbances.py`` has the effect and the cure of each disturbance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_unikernel.host.disturbances import (
    EFFECTS,
    IDLE_PERCENT,
    LATE_S,
    MEMORY_LOW_SHARE,
    RISES_SLOWLY,
    STEAL_PERCENT,
    SWAPPED_BYTES,
)
from pytest_unikernel.host.quiet import QUIET_SHARE
from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.knee import verdict_of
from pytest_unikernel.results.record import Record
from pytest_unikernel.text.grid import printable

MIB = 1 << 20
BOUND = "generator-bound"


def found_in(load: Record, memory_bytes: float | None = None) -> dict[str, str]:
    """Return the disturbances of a load, by keys of ``EFFECTS``, each with the figure that shows it."""
    texts = {name: symptom(load) for name, symptom in SYMPTOMS.items()}
    texts["memory"] = _memory(load["host"], memory_bytes or 0)
    return {name: text for name, text in texts.items() if text}


def _steal(load: Record) -> str:
    percent = load["host"].get("steal_percent") or 0.0
    return f"{percent:.0f} % of the CPU time" if percent > STEAL_PERCENT else ""


def busy_before(load: Record) -> str:
    """Return how busy the CPUs were before a load; empty where they were quiet."""
    percent = load["host"].get("busy_before_percent") or 0.0
    return f"the CPUs were {percent:.0f} % busy before it began" if percent > 100 * QUIET_SHARE else ""


def _swap(load: Record) -> str:
    swapped_bytes = load["host"].get("swapped_bytes") or 0
    return f"{swapped_bytes / MIB:,.0f} MiB swapped in and out" if swapped_bytes > SWAPPED_BYTES else ""


def _memory(host: Record, memory_bytes: float) -> str:
    least_bytes, waited = host.get("memory_available_min_bytes"), host.get("psi_memory")
    if least_bytes is None or least_bytes >= MEMORY_LOW_SHARE * memory_bytes:
        return ""
    stall = f"; some task waited for memory {waited:.0f} % of the time" if waited else ""
    return f"{least_bytes / MIB:,.0f} MiB were available{stall}"


def _governor(load: Record) -> str:
    slow = sorted(RISES_SLOWLY.intersection(load["host"].get("governors") or ()))
    percent = load["host"].get("cpu_percent")
    idle = percent is not None and percent < IDLE_PERCENT
    return ", ".join(slow) if idle else ""


def _realtime(load: Record) -> str:
    refused = (load.get("generator") or {}).get("realtime_refused")
    return "refused" if refused and _is_late(load) else ""


SYMPTOMS: Mapping[str, Callable[[Record], str]] = {
    "steal": _steal,
    "load": busy_before,
    "swap": _swap,
    "governor": _governor,
    "real-time": _realtime,
    "daemons": lambda load: ", ".join(strangers(load["host"])),
}


def _is_late(load: Record) -> bool:
    lateness = load["lateness_s"] or {}
    late_s = lateness.get("p99") or lateness.get("max") or 0.0
    return verdict_of(load) == BOUND or late_s > LATE_S


def strangers(host: Record) -> list[str]:
    """Return the running container daemons that the target does not need."""
    needed = host.get("container_daemons_needed") or ()
    return [name for name in host.get("container_daemons") or () if name not in needed]


def step_notes(loads: Sequence[Record], memory_bytes: int | None) -> Iterator[str]:
    """Yield the disturbances that differ from step to step, for the loads of one series."""
    for load in loads:
        found, step = found_in(load, memory_bytes), step_text(load["time_step_s"])
        if "steal" in found:
            yield f"{step} the hypervisor took {found['steal']} (steal)"
        if "swap" in found:
            yield f"{step} {found['swap']}"
        if "memory" in found:
            yield f"{step} memory ran low: {found['memory']}"


def why_bound(load: Record, memory_bytes: float | None) -> str:
    """Return the possible causes of a generator-bound verdict; empty for another verdict."""
    if verdict_of(load) != BOUND:
        return ""
    found = found_in(load, memory_bytes)
    if not found:
        return "no disturbance was recorded; the rate is too high for one generator on this host"
    return f"possible causes: {', '.join(f'{name} ({text})' for name, text in found.items())}"


def closing(loads: Sequence[Record], memory_bytes: int | None) -> Iterator[str]:
    """Yield each disturbance once for the whole run: its targets, its effect, its cure."""
    disturbed: dict[str, list[tuple[Record, str]]] = {}
    for load in loads:
        for name, text in found_in(load, memory_bytes).items():
            disturbed.setdefault(name, []).append((load, text))
    for name, (effect, cure) in EFFECTS.items():
        if name in disturbed:
            targets = dict.fromkeys(printable(str(load["target"])) for load, _ in disturbed[name])
            yield f"{_head(name, disturbed[name])} {', '.join(targets)}: {effect}; cure: {cure}."


def _head(name: str, disturbed: Sequence[tuple[Record, str]]) -> str:
    if name == "daemons":
        ran = {daemon for load, _ in disturbed for daemon in strangers(load["host"])}
        return f"{', '.join(sorted(ran))} ran beside"
    texts = {text for _, text in disturbed}
    shown = f" ({', '.join(texts)})" if len(texts) == 1 and name in ("governor", "real-time") else ""
    return f"{name}{shown} disturbed"
