"""The conditions in which two records differ, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable

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
SAME = "cure: the same {names} in both runs"
ONE_PATH = "to compare two files, let one path lead to each in turn (a link)"


def differences_text(found: Iterable[Difference]) -> str:
    """Return the conditions with both values: ``window 4 s against 2 s``; empty where there is none."""
    return ", ".join(
        f"{NAMES[each.condition]} {_value(each.condition, now)} against {_value(each.condition, was)}"
        for each in found
        for now, was in [_different(each)]
    )


def cure_text(found: Iterable[Difference]) -> str:
    """Return how records become comparable; empty where nothing helps: a search chooses its steps itself."""
    conditions = [each.condition for each in found if each.condition is not Condition.TIME_STEP]
    if not conditions:
        return ""
    same = SAME.format(names=" and ".join(NAMES[each] for each in conditions))
    return f"{same}; {ONE_PATH}" if Condition.VARIANT in conditions else same


def _different(found: Difference) -> tuple[Value, Value]:
    """Return both values; of variants, the parameters that differ."""
    if not (isinstance(found.now, tuple) and isinstance(found.was, tuple)):
        return found.now, found.was
    now, was = dict(found.now), dict(found.was)
    both = {key for key in now.keys() & was.keys() if now[key] == was[key]}
    return _without(found.now, both), _without(found.was, both)


def _without(variant: tuple[tuple[str, str], ...], keys: Collection[str]) -> Value:
    return tuple((key, each) for key, each in variant if key not in keys)


def _value(condition: Condition, value: Value) -> str:
    if value is None:
        return "that of the test" if condition is Condition.TIME_STEP else "unknown"
    if isinstance(value, tuple):
        return ", ".join(f"{key}={each}" for key, each in value) or "default"
    if isinstance(value, str):
        return value
    return step_text(value) if condition is Condition.TIME_STEP else f"{value:g} s"
