"""The reason of a verdict in words."""

from __future__ import annotations

from pytest_unikernel.results.verdict import Reason, Rule

REASONS = {
    Rule.FAILED: "{:.0f} of {:.0f} launches failed",
    Rule.DROPPED: "{:.0f} launches dropped",
    Rule.TIMED_OUT: "{:.0f} of {:.0f} launches timed out or unfinished",
    Rule.BACKLOG_ROSE: "instances in flight rose by {:.1f} in the window (limit {:.1f})",
    Rule.NOT_STARTED: "only {:.0f} of {:.0f} launches were started in the window",
    Rule.LATE: "launches were {:.1f} ms late (limit {:.1f} ms)",
    Rule.LATE_FOR_RESPONSE: "median lateness is {:.0f} % of the median response time",
    Rule.SKEWED: "the window began {:.1f} ms off the agreed instant (limit {:.1f} ms)",
    Rule.NOTHING_DUE: "no launch was due in the window",
}


def reason_text(reason: Reason | None) -> str:
    """Return the record's ``verdict_reason``; empty where there is none."""
    if reason is None:
        return ""
    text = REASONS[reason.rule].format(reason.figure, reason.against)
    if reason.steal is None:
        return text
    stolen = f"{1000 * reason.steal.stolen_s:.0f} ms of CPU time, {reason.steal.percent:.1f} %"
    return f"{text}: the host stole the CPU ({stolen})"
