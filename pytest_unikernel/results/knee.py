"""The knee of a series: its fastest ok step, together with its first step that was not ok. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# These verdicts say nothing about the target at that rate, so the fastest ok rate is a lower bound.
NOT_THE_TARGET = frozenset({"generator-bound", "interrupted"})


@dataclass(frozen=True)
class Knee:
    """The rate at which a series stopped being ok; rates are offered rates in launches per second.

    Attributes:
        fastest_ok_hz: None if no step was ok.
        first_not_ok_hz: None if every step was ok.
        verdict_of_first_not_ok: empty if every step was ok; ``interrupted`` for a load that was cut short.
        lower_bound: the target may sustain more than ``fastest_ok_hz``.
        searched: the record's ``knee``, where a search narrowed it down.
    """

    fastest_ok_hz: float | None
    first_not_ok_hz: float | None
    verdict_of_first_not_ok: str
    lower_bound: bool
    searched: Mapping[str, Any] | None = None


def find_knee(rows: Iterable[Mapping[str, Any]]) -> Knee:
    """Return the knee of the records of one series; their order does not matter.

    An ok step does not count if a slower step was not ok: the series had ended there. The result of a search
    is more precise than the steps and takes precedence.
    """
    rows = list(rows)
    for row in rows:
        if row.get("knee"):
            return _searched(row["knee"])
    fastest_ok_hz: float | None = None
    for row in sorted(rows, key=lambda row: float(row["offered_rate_hz"])):
        verdict = verdict_of(row)
        if verdict != "ok":
            bound = verdict in NOT_THE_TARGET
            return Knee(fastest_ok_hz, row["offered_rate_hz"], verdict, lower_bound=bound)
        fastest_ok_hz = row["offered_rate_hz"]
    return Knee(fastest_ok_hz, None, "", lower_bound=True)


def _searched(knee: Mapping[str, Any]) -> Knee:
    return Knee(
        fastest_ok_hz=knee["lower_hz"] or None,  # at 0 nothing was borne
        first_not_ok_hz=knee["upper_hz"],
        verdict_of_first_not_ok=knee["upper_verdict"] or "",
        lower_bound=knee["lower_bound"],
        searched=knee,
    )


def verdict_of(row: Mapping[str, Any]) -> str:
    """Return a record's verdict; ``interrupted`` for a load that was cut short."""
    return "interrupted" if row["interrupted"] else verdict_on(row["verdict"], row.get("completed"))


def verdict_on(verdict: object, completed: int | None) -> str:
    """Return a verdict of a record or of one of its trials.

    Earlier versions called it ok although nothing had completed.

    Args:
        verdict: as the record has it.
        completed: launches that completed; None where the record doesn't have it.
    """
    return "failing" if verdict == "ok" and completed == 0 else str(verdict)


def cores_of(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the number of CPUs that the throughput per core refers to; None if no record has both rates."""
    for row in rows:
        if row["throughput_hz"] and row["throughput_per_core_hz"]:
            return round(float(row["throughput_hz"]) / float(row["throughput_per_core_hz"]), 6)
    return None
