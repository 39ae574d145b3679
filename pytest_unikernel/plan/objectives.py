"""Service level objectives: what a response time must not exceed, and up to which rate it doesn't. Pure.

``p99:0.5s`` is met by a load that is ok, has launches enough for the quantile, and whose quantile is no
longer than that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_unikernel.plan.schedule import LONGEST_S, NOT_A_NUMBER, exact
from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.progress import duration_text, rate_text, significant

if TYPE_CHECKING:
    from pytest_unikernel.result import LoadResult

STATISTICS = (*QUANTILES, "mean")
UNITS_S = {
    "ms": Fraction(1, 1000),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "s": Fraction(1),
    "": Fraction(1),
}
LAUNCHES_BEYOND = 10  # expected beyond a quantile before anything is decided by it
RULE = f"slo must be a list such as p99:0.5s,p50:20ms of {', '.join(STATISTICS)} and a time > 0"

Record = Mapping[str, Any]


class Objective(NamedTuple):
    """A statistic of the response time, and what it must not exceed."""

    statistic: str
    limit_s: float

    @property
    def launches_needed(self) -> int:
        """How many launches a decision takes."""
        beyond = 1 - QUANTILES.get(self.statistic, 0.0)
        return math.ceil(round(LAUNCHES_BEYOND / beyond, 6))

    def __str__(self) -> str:
        return f"{self.statistic}:{self.limit_s:g}s"


def read(value: object) -> tuple[Objective, ...]:
    """Return the objectives of a list such as ``p99:0.5s,p50:20ms``.

    Raises:
        ValueError: the text is no such list, or names a statistic twice; it states the rule.
    """
    objectives = [_objective(part, value) for part in value.split(",")] if isinstance(value, str) else []
    names = [objective.statistic for objective in objectives]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"{RULE}{', each once' if names else ''}, got {value!r}")
    return tuple(objectives)


def _objective(part: str, given: object) -> Objective:
    match = re.fullmatch(r"\s*([\w.]+)\s*:\s*([\d.e+-]+|\d+/\d+)\s*(s|ms|us|µs|)\s*", part)
    try:
        if match is None or match[1] not in STATISTICS:
            raise ValueError(part)
        limit_s = exact(match[2]) * UNITS_S[match[3]]
    except NOT_A_NUMBER as error:
        raise ValueError(f"{RULE}, got {given!r}") from error
    if not 0 < limit_s <= LONGEST_S:
        raise ValueError(f"{RULE}, got {given!r}")
    return Objective(match[1], float(limit_s))


# one load ------------------------------------------------------------------------------------------


def judged(result: LoadResult, objectives: Iterable[Objective]) -> dict[str, dict[str, Any]]:
    """Return a record's ``slo``: whether each objective was met; None is undecided."""
    return {objective.statistic: _judged(result, objective) for objective in objectives}


def _judged(result: LoadResult, objective: Objective) -> dict[str, Any]:
    times = result.response_time_s
    launches = times.n + times.censored
    return {
        "limit_s": objective.limit_s,
        "value_s": times[objective.statistic],
        "met": met(result, objective),
        "launches": launches,
        "launches_needed": objective.launches_needed,
    }


def met(result: LoadResult, objective: Objective) -> bool | None:
    """Return whether a load meets an objective; None where it has too few launches, or was cut short.

    One that isn't ok doesn't: its rate can't be kept up, whatever the window shows.
    """
    if result.interrupted:
        return None
    if result.verdict != "ok":
        return False
    times, value_s = result.response_time_s, result.response_time_s[objective.statistic]
    if times.n + times.censored < objective.launches_needed:
        return None
    if value_s is None or (times.censored and objective.statistic == "mean"):
        return False  # so many never completed that it is infinite
    return value_s <= objective.limit_s


# a series ------------------------------------------------------------------------------------------


def objective_lines(loads: Sequence[Record], found: Record | None = None) -> Iterator[str]:
    """Yield, for each objective, the highest rate of a series that meets it.

    Args:
        loads: the records of a series.
        found: that of its search, which has an interval for each.
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
    head = f"slo {name} <= {duration_text(loads[0]['slo'][name]['limit_s'])}:"
    not_at = f"not at {rate_text(missed['offered_rate_hz'])} ({_why(missed, name)})" if missed else ""
    if interval and interval["rate_hz"] and not interval["lower_bound"]:
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
    """Return the fastest load that met it, the first faster one that didn't, and the undecided before it."""
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
    if load["verdict"] != "ok":
        return str(load["verdict"])
    value_s = load["slo"][name]["value_s"]
    return f"{name} {'> ' + duration_text(load['timeout_s']) if value_s is None else duration_text(value_s)}"


def _too_few(name: str, load: Record) -> str:
    judged_ = load["slo"][name]
    if load["interrupted"]:
        return f"slo {name} at {rate_text(load['offered_rate_hz'])}: the load was cut short"
    needed = judged_["launches_needed"]
    return (
        f"slo {name} at {rate_text(load['offered_rate_hz'])}: too few launches: {needed:,} needed, "
        f"{judged_['launches']:,} measured; --sweep-min-launches={needed} without --sweep-window gets them"
    )
