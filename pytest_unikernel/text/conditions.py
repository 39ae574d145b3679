"""The conditions of a series below its title: window, warm-up, arrivals, readiness, versions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_unikernel.results.record import Record
from pytest_unikernel.text.grid import printable, wrapped
from pytest_unikernel.text.units import duration_text

MOST_LINES = 2
MORE = "…"


def conditions_of(loads: Sequence[Record]) -> list[str]:
    """Return the conditions of a series, the most important first."""
    return [
        f"window {span_text(load['window_s'] for load in loads)}",
        f"warm-up {span_text(load['warmup_s'] for load in loads)}",
        f"{loads[0]['arrivals']} arrivals",
        f"ready: {printable(str(loads[0]['ready']))}",
        *(_version_text(key, printable(str(value))) for key, value in loads[0]["versions"].items()),
    ]


def _version_text(program: str, version: str) -> str:
    """Return a version with its program's name, which many versions begin with."""
    return version if version.startswith(f"{program} ") else f"{program} {version}"


def shared_conditions(series: Mapping[str, Sequence[Record]]) -> list[str]:
    """Return the conditions that all of several series have; empty where there is one series."""
    if len(series) < 2:
        return []
    first, *others = map(conditions_of, series.values())
    return [each for each in first if all(each in other for other in others)]


def condition_lines(
    conditions: Sequence[str], shared: Sequence[str] = (), *, verbose: bool = False
) -> list[str]:
    """Return the conditions of a series without the shared ones; as many as fit, or all if verbose."""
    own = [each for each in conditions if each not in shared]
    most_lines = MOST_LINES - bool(shared)
    for count in range(len(own), 0, -1):
        lines = wrapped(", ".join([*own[:count], *([MORE] if count < len(own) else [])]))
        if verbose or len(lines) <= most_lines:
            return lines
    return []


def span_text(values_s: Iterable[float]) -> str:
    """Return the shortest and the longest of some durations."""
    ordered = sorted(values_s)
    ends = list(dict.fromkeys(duration_text(value_s) for value_s in (ordered[0], ordered[-1])))
    return " to ".join(ends)
