"""Whether two records measure the same thing, and why not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pytest_unikernel.plan.step_names import step_number

UNKNOWN = "unknown"
Record = Mapping[str, Any]


def not_comparable(now: Record, was: Record) -> str:
    """Return why two records of the same test can't be compared; empty if they can.

    What an imported record doesn't say is no reason.
    """
    imported = next((load for load in (was, now) if load.get("source")), None)
    said = None if imported is None else imported["variant"]
    new, old = _conditions(now, said), _conditions(was, said)
    unsaid = set() if imported is None else {UNKNOWN}
    return ", ".join(
        f"{name} {new[name]} against {old[name]}"
        for name in new
        if new[name] != old[name] and not {new[name], old[name]} & unsaid
    )


def _conditions(load: Record, parameters: Collection[str] | None = None) -> dict[str, str]:
    """Return, in words, what must be equal in two records for a comparison to mean anything.

    Args:
        load: the record.
        parameters: those that count, of the variant's; None: all.
    """
    variant = {key: each for key, each in load["variant"].items() if parameters is None or key in parameters}
    return {
        "time step": f"{step_number(load['time_step_s'])} s" if load.get("knee") else "the test's",
        "window": _seconds(_window_s(load) if load["mode"] == "sweep" else None),
        "warm-up": _seconds(load["settings"].get("warmup_s")),
        "longest warm-up": _seconds(load["settings"].get("max_warmup_s")),
        "arrivals": str(load["arrivals"]),
        "ready": UNKNOWN if load["ready"] is None else str(load["ready"]),
        "variant": ", ".join(f"{key}={each}" for key, each in variant.items()) or "default",
    }


def _window_s(load: Record) -> float | None:
    """Return a window; the scripts' are as long as a shell's sleep, some milliseconds more than asked for."""
    window_s: float | None = load["window_s"]
    return round(window_s, 1) if load.get("source") and window_s else window_s


def _seconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g} s"
