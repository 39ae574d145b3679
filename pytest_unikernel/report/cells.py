"""Figures as text, for the cells of tables; a dash where unknown. Pure."""

from __future__ import annotations

from pytest_unikernel.plan.step_names import step_text
from pytest_unikernel.report.load import ReportedLoad
from pytest_unikernel.results.knee import Knee
from pytest_unikernel.text.table_cells import NONE, change_text
from pytest_unikernel.text.units import duration_text, rate_number, rate_text

SEARCH = " (search)"


def duration(value_s: float | None, resolution_s: float | None = None) -> str:
    """Return a duration with the unit that suits it, and no digit below the resolution."""
    return NONE if value_s is None else duration_text(value_s, resolution_s)


def rate(rate_hz: float | None) -> str:
    """Return a rate: ``1,024/s``."""
    return NONE if rate_hz is None else rate_text(rate_hz)


def step(load: ReportedLoad) -> str:
    """Return a load's time step; ``cold`` where it has none; loads of a search are marked."""
    return step_text(load.step_s) + SEARCH * load.is_search if load.step_s else "cold"


def moment(load: ReportedLoad, name: str) -> str:
    """Return a quantile or a moment of the latency; ``> 60 s`` where it is beyond the time-out."""
    found = load.latency
    key = f"{found.quantity if found is not None else 'response'}_time_s"
    value_s = load.number(key, name)
    if value_s is None and name.startswith("p") and load.is_beyond(key, name):
        return f"> {duration(load.positive('timeout_s'))}"
    return duration(value_s, load.ready_resolution_s)


def lateness(load: ReportedLoad) -> str:
    """Return the lateness' p99, or the largest."""
    return duration(load.lateness_s)


def failed(load: ReportedLoad) -> str:
    """Return the launches that did not complete, by reason; a dash where unknown."""
    counts = load.failures
    if not counts:
        return NONE if load.number("scheduled") is None else "0"
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items())


def fastest_ok(knee: Knee | None, cores: float | None = None) -> str:
    """Return the rate to quote, or that per core; of a search the middle of its interval, with it."""
    if knee is None or (knee.fastest_ok_hz is None and knee.first_not_ok_hz is None):
        return NONE
    if knee.fastest_ok_hz is None:
        return NONE if cores or knee.lower_bound else f"< {rate(knee.first_not_ok_hz)}"
    if knee.lower_bound or knee.searched is None or knee.searched["rate_hz"] is None:
        return ("≥ " if knee.lower_bound else "") + rate(knee.fastest_ok_hz / (cores or 1.0))
    quoted = rate(knee.searched["rate_hz"] / (cores or 1.0))
    if cores or knee.first_not_ok_hz is None:
        return quoted
    low, high = (rate_number(each) for each in (knee.fastest_ok_hz, knee.first_not_ok_hz))
    return f"{quoted} ({low} to {high})"


def first_not_ok(knee: Knee | None) -> str:
    """Return the first rate that was not ok, and its verdict."""
    if knee is None or knee.first_not_ok_hz is None:
        return NONE
    return f"{rate(knee.first_not_ok_hz)} ({knee.verdict_of_first_not_ok})"


def change(now: float | None, was: float | None) -> str:
    """Return a change in per cent."""
    return change_text(now, was)
