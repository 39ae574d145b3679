"""Objectives in words: the highest rate that meets each, and the first rate that does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.knee import verdict_on
from pytest_unikernel.results.record import Record
from pytest_unikernel.results.summary import enough
from pytest_unikernel.text.table_cells import ready_resolution_s
from pytest_unikernel.text.units import duration_text, rate_text, significant

INTERVAL = ("rate_hz", "lower_hz", "upper_hz")


def objective_lines(loads: Sequence[Record], found: Record | None = None) -> Iterator[str]:
    """Yield, for each objective by its name, the highest rate of a series that meets it.

    Args:
        loads: the records of a series.
        found: the record of the series' search, with an interval for each objective.
    """
    loads = sorted(
        (load for load in loads if load.get("slo")), key=lambda load: float(load["offered_rate_hz"])
    )
    names = dict.fromkeys(name for load in loads for name in load["slo"])
    for name in names:
        own = [load for load in loads if name in load["slo"]]
        interval = ((found or {}).get("slo") or {}).get(name, {}).get("interval")
        yield from _lines(name, own, interval)


def _lines(name: str, loads: Sequence[Record], interval: Record | None) -> Iterator[str]:
    best, missed, open_ = _ends(name, loads)
    head = f"{name} <= {duration_text(loads[0]['slo'][name]['limit_s'])}:"
    not_at = f"not at {rate_text(missed['offered_rate_hz'])} ({_why(missed, name)})" if missed else ""
    if interval and not interval["lower_bound"] and all(interval[key] for key in INTERVAL):
        ends = f"{significant(interval['lower_hz'])} to {significant(interval['upper_hz'])}"
        yield f"{head} up to {rate_text(interval['rate_hz'])} ({ends}); {not_at}"
    elif best:
        sign = "" if missed and missed["verdict"] != "generator-bound" else "≥ "
        yield f"{head} up to {sign}{rate_text(best['offered_rate_hz'])}; {not_at or 'no step missed it'}"
    else:
        yield f"{head} no rate is known to meet it" + (f"; {not_at}" if not_at else "")
    if open_ and (not best or open_[-1]["offered_rate_hz"] > best["offered_rate_hz"]):
        yield _too_few(name, open_[-1])


def _ends(name: str, loads: Sequence[Record]) -> tuple[Record | None, Record | None, list[Record]]:
    """Return the fastest load that met it, the next faster load that did not, and undecided loads before."""
    best: Record | None = None
    open_: list[Record] = []
    for load in loads:
        decided = load["slo"][name]["met"]
        if decided is False:
            return best, load, open_
        if decided is None:
            open_.append(load)
        else:
            best = load
    return best, None, open_


def _why(load: Record, name: str) -> str:
    verdict = verdict_on(load["verdict"], load.get("completed"))
    if verdict != "ok":
        return verdict
    about, timeout_s = load["slo"][name], load["timeout_s"]
    value_s, limit_s = about["value_s"], about["limit_s"]
    q, launches = QUANTILES.get(name), about["launches"]
    if about.get("beyond") and q and ((value_s or 0.0) <= limit_s) and (value_s or not enough(launches, q)):
        return f"{about['beyond']:,} of {launches:,} took longer"
    if q is None and value_s is not None and value_s <= limit_s:  # a mean, which is infinite with these
        return f"{load['response_time_s']['censored']:,} of {launches:,} never completed"
    if value_s is None:
        return f"{name} > {'the time-out' if timeout_s is None else duration_text(timeout_s)}"
    return f"{name} {duration_text(value_s, ready_resolution_s(load))}"


def _too_few(name: str, load: Record) -> str:
    judged_ = load["slo"][name]
    if load["interrupted"]:
        return f"{name} at {rate_text(load['offered_rate_hz'])}: the load was interrupted"
    needed = judged_["launches_needed"]
    beyond = judged_.get("beyond") or 0
    few = f"{judged_['launches']:,} measured" + (f", {beyond:,} of them took longer" if beyond else "")
    return (
        f"{name} at {rate_text(load['offered_rate_hz'])}: too few launches: {needed:,} needed, {few}; "
        f"use --sweep-min-launches={needed} without --sweep-window"
    )
