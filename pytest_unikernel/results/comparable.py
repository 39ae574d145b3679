"""Whether two records measure the same thing, and in which conditions they differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum, auto
from typing import NamedTuple

from pytest_unikernel.results.record import Record

Value = float | str | tuple[tuple[str, str], ...] | None

COMPARED_TAIL = 10.0  # values expected beyond a quantile before its change is meaningful


class Condition(Enum):
    """A condition of a load, and its value in a :class:`Difference`."""

    TIME_STEP = auto()  # seconds, for a step that a search chose; None: the test's own step
    WINDOW = auto()  # seconds
    WARMUP = auto()  # seconds
    MAX_WARMUP = auto()  # seconds
    ARRIVALS = auto()
    READY = auto()
    VARIANT = auto()  # its parameters and their values
    HOSTS = auto()  # how many made the launches, and how these were spread


class Difference(NamedTuple):
    """A condition in which two records differ; None is unknown, except for the time step."""

    condition: Condition
    now: Value
    was: Value


def differences(now: Record, was: Record) -> tuple[Difference, ...]:
    """Return the conditions in which two records of the same test differ; empty if they can be compared.

    A condition that an imported record lacks counts as equal.
    """
    imported = next((load for load in (was, now) if load.get("source")), None)
    stated = None if imported is None else imported["variant"]
    new, old = _conditions(now, stated), _conditions(was, stated)
    found = (Difference(each, new[each], old[each]) for each in Condition if new[each] != old[each])
    return tuple(each for each in found if imported is None or not _is_unsaid(each))


def _is_unsaid(found: Difference) -> bool:
    return found.condition is not Condition.TIME_STEP and None in {found.now, found.was}


def _conditions(load: Record, parameters: Collection[str] | None = None) -> Mapping[Condition, Value]:
    """Return the conditions that must be equal in two records for a comparison to mean anything.

    Args:
        load: the record.
        parameters: the parameters of the variant that count; None: all.
    """
    variant = {key: each for key, each in load["variant"].items() if parameters is None or key in parameters}
    return {
        Condition.TIME_STEP: round(load["time_step_s"], 9) if load.get("knee") else None,
        Condition.WINDOW: _seconds(_window_s(load) if load["mode"] == "sweep" else None),
        Condition.WARMUP: _seconds(load["settings"].get("warmup_s")),
        Condition.MAX_WARMUP: _seconds(load["settings"].get("max_warmup_s")),
        Condition.ARRIVALS: str(load["arrivals"]),
        Condition.READY: None if load["ready"] is None else str(load["ready"]),
        Condition.VARIANT: tuple((str(key), str(each)) for key, each in variant.items()),
        Condition.HOSTS: None if load.get("source") else _hosts(load),
    }


def _hosts(load: Record) -> str:
    """Return how many hosts made the launches of a load, and how they shared them."""
    rows = load.get("hosts") or ()
    return f"{len(rows)} ({load['settings'].get('spread', 'split')})" if rows else "1"


def _window_s(load: Record) -> float | None:
    """Return a window's length in seconds, rounded where a script measured it.

    A script's window is as long as a shell's sleep: some milliseconds longer than asked for.
    """
    window_s: float | None = load["window_s"]
    return round(window_s, 1) if load.get("source") and window_s else window_s


def _seconds(value: float | None) -> float | None:
    """Return seconds rounded to six digits, as they are shown."""
    return None if value is None else float(f"{value:g}")
