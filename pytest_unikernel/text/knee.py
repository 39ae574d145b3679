"""The knee in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_unikernel.results.knee import Knee
from pytest_unikernel.text.units import rate_text, significant


def knee_text(knee: Knee, cores: float | None = None) -> str:
    """Return the text of a knee: ``knee 32/s; not 64/s (saturated); 16/s/core on 2 CPUs``.

    After a search: ``knee 37.2/s (36.5 to 38.1), 18.6/s per core on 2 CPUs``.

    Args:
        knee: the knee of a series.
        cores: the CPUs of affinity and quota, for the rate per core.
    """
    first_hz = knee.first_not_ok_hz
    missed = "" if first_hz is None else f"{rate_text(first_hz)} ({knee.verdict_of_first_not_ok})"
    if knee.fastest_ok_hz is None:
        return _none_ok(knee, missed)
    sign = "≥ " if knee.lower_bound else ""
    found = knee.searched
    if found is not None and None not in (found["rate_hz"], found["per_core_hz"]):
        return _found(found, sign, missed, cores)
    rest = f"; not {missed}" if missed else ": every step was ok"
    return f"knee {sign}{rate_text(knee.fastest_ok_hz)}{rest}{_per_core(knee, cores, sign)}"


def _none_ok(knee: Knee, missed: str) -> str:
    if not missed:
        return "knee unknown: no step was run"
    return f"knee unknown; not {missed}" if knee.lower_bound else f"knee < {missed}"


def _found(knee: Mapping[str, Any], sign: str, missed: str, cores: float | None) -> str:
    """Return the text of a search's result: one number, its interval, and the number per core."""
    ends = [_number(end_hz) for end_hz in (knee["lower_hz"], knee["upper_hz"]) if end_hz]
    interval = "" if sign else f" ({' to '.join(ends)})"
    on = f" on {_cpus(cores)}" if cores else ""
    per_core = f", {sign}{_number(knee['per_core_hz'])}/s per core{on}"
    rest = "" if not sign else f"; not {missed}" if missed else ": every step was ok"
    wide = "" if knee["narrow"] or knee["interrupted"] else "; not narrowed to 5 %: see the loads"
    cut = "; the search was interrupted" if knee["interrupted"] else wide
    return f"knee {sign}{_number(knee['rate_hz'])}/s{interval}{per_core}{rest}{cut}"


def _per_core(knee: Knee, cores: float | None, sign: str) -> str:
    if not cores or knee.fastest_ok_hz is None:
        return ""
    return f"; {sign}{rate_text(knee.fastest_ok_hz / cores)}/core on {_cpus(cores)}"


def _number(rate_hz: float) -> str:
    """Return a rate to three digits, the precision of an interval."""
    return significant(rate_hz) if rate_hz >= 1 else f"{rate_hz:.3g}"


def _cpus(cores: float) -> str:
    return "1 CPU" if cores == 1 else f"{cores:g} CPUs"
