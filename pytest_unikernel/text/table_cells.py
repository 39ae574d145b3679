"""The cells that several tables share."""

from __future__ import annotations

import math
from collections import Counter

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.record import Record
from pytest_unikernel.results.summary import enough
from pytest_unikernel.text.units import digit_of, duration_text

NONE = "\u2013"  # an en dash: nothing is known
PARTIAL = "*"  # marks a largest value that stands for a quantile
FEW = "~"  # marks the failures of a step whose verdict rests on few launches
# No failure among 30 launches means that at most 10 % fail, with 95 % confidence: the rule of three.
# Source: Hanley, Lippman-Hand, If Nothing Goes Wrong, Is Everything All Right? (JAMA 249, 1983).
FEW_LAUNCHES = 30


def rate_cell(rate_hz: float | None, decimals: int) -> str:
    """Return a rate without its unit, so that points stand below each other."""
    return NONE if rate_hz is None else f"{rate_hz:,.{decimals}f}"


def time_cell(load: Record, name: str, decimals: int) -> str:
    """Return a moment or quantile of the response time in ms; ``>60 s`` where it is a censored one.

    Values that are large have fewer decimals: five digits tell enough.
    """
    summary = load["response_time_s"]
    value_s = summary[name]
    if value_s is not None:
        return milliseconds(value_s, decimals, ready_resolution_s(load))
    if name not in QUANTILES or not summary["censored"] or load["timeout_s"] is None:
        return NONE
    suffices = enough((summary["n"] or 0) + summary["censored"], QUANTILES[name])
    return f">{duration_text(load['timeout_s'])}" if suffices else NONE


def ready_resolution_s(load: Record) -> float | None:
    """Return for how long an instance may have been ready unseen; None where that is not known."""
    resolution_s: float | None = (load.get("generator") or {}).get("ready_resolution_s")
    return resolution_s


def milliseconds(value_s: float, decimals: int, resolution_s: float | None = None) -> str:
    """Return a time in ms, with fewer decimals the longer it is, and no digit below the resolution."""
    places = min(decimals, 0 if value_s >= 1 else 1 if value_s >= 0.1 else 2)
    if not resolution_s or value_s > 1e9 * resolution_s:
        return f"{value_s * 1e3:.{places}f}"
    least_ms = max(1e3 * digit_of(resolution_s), 10.0**-places)
    places = max(0, -round(math.log10(least_ms)))
    if 1e3 * value_s < least_ms / 2:
        return f"<{least_ms:.{places}f}"
    return f"{round(1e3 * value_s / least_ms) * least_ms:.{places}f}"


def lateness_cell(lateness: Record | None) -> str:
    """Return the lateness' p99 in ms, or the largest, marked, where there are too few for a p99."""
    if lateness is None or lateness["max"] is None:
        return NONE
    marked = is_partial(lateness)
    value_ms = 1e3 * (lateness["max"] if marked else lateness["p99"])
    return PARTIAL * marked + f"{value_ms:.{2 if value_ms < 10 else 1 if value_ms < 1000 else 0}f}"


def is_partial(lateness: Record | None) -> bool:
    """Return whether the largest lateness stands for the p99, which too few launches have."""
    return lateness is not None and lateness["max"] is not None and lateness["p99"] is None


def is_few(load: Record) -> bool:
    """Return whether the verdict on a step rests on few launches; imported figures may not tell how many."""
    scheduled: int | None = load["scheduled"]
    return load["mode"] == "sweep" and scheduled is not None and scheduled < FEW_LAUNCHES


def failures_of(load: Record) -> Counter[str]:
    """Return how many launches of the cohort didn't complete, by reason."""
    others = {"dropped": load["dropped"], "unfinished": load["unfinished"]}
    return +Counter({**load["failed"], **others})


def failed_cell(load: Record, *, reasons: bool) -> str:
    """Return how many didn't complete: ``37 timeout``, ``39 timeout+`` where there are other reasons too."""
    counted = failures_of(load)
    total = f"{counted.total()}"
    if not counted or not reasons:
        return total
    return f"{total} {counted.most_common(1)[0][0]}{'+' if len(counted) > 1 else ''}"


def change_text(now: float | None, was: float | None) -> str:
    """Return a change in per cent with its sign; as a factor where per cent would be too large a number."""
    if now is None or not was:
        return NONE
    percent = 100 * (now / was - 1)
    if percent >= 99_950:
        return f"x{now / was:.2g}"
    return f"{percent:+,.0f}%" if abs(percent) >= 9.95 else f"{percent:+.1f}%"


def percent_cell(share: float | None) -> str:
    """Return per cent with a sign and without a unit; as a factor where they say nothing any more."""
    if share is None:
        return NONE
    percent = 100 * share
    if percent >= 999.5:
        return f"x{share + 1:.0f}" if share < 1e4 else f"x{share + 1:.0e}".replace("+0", "")
    if abs(percent) >= 9.95:
        return f"{percent:+.0f}"
    return "0" if abs(percent) < 0.05 else f"{percent:+.1f}"
