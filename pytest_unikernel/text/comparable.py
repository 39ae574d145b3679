"""The conditions in which two records differ, in words."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.results.comparable import Condition, Difference, Value

NAMES = {
    Condition.TIME_STEP: "time step",
    Condition.WINDOW: "window",
    Condition.WARMUP: "warm-up",
    Condition.MAX_WARMUP: "longest warm-up",
    Condition.ARRIVALS: "arrivals",
    Condition.READY: "ready",
    Condition.VARIANT: "variant",
    Condition.HOSTS: "hosts",
}


def differences_text(found: Iterable[Difference]) -> str:
    """Return the conditions with both values: ``window 4 s against 2 s``; empty where there is none."""
    return ", ".join(
        f"{NAMES[condition]} {_value(condition, now)} against {_value(condition, was)}"
        for condition, now, was in found
    )


def _value(condition: Condition, value: Value) -> str:
    if value is None:
        return "that of the test" if condition is Condition.TIME_STEP else "unknown"
    if isinstance(value, tuple):
        return ", ".join(f"{key}={each}" for key, each in value) or "default"
    if isinstance(value, str):
        return value
    return step_text(value) if condition is Condition.TIME_STEP else f"{value:g} s"
