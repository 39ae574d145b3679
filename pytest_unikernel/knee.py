"""The knee of a series: the fastest step that was ok, never without the first that was not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.progress import rate_text

# These say that nothing is known of the target at that rate, so that what was ok before is a lower bound.
NOT_THE_TARGET = frozenset({"generator-bound", "interrupted"})


@dataclass(frozen=True)
class Knee:
    """Where a series stopped being ok; rates are offered rates in launches per second.

    Attributes:
        fastest_ok_hz: None if no step was ok.
        first_not_ok_hz: None if every step was ok.
        verdict_of_first_not_ok: empty if every step was ok; ``interrupted`` for a load that was cut short.
        reason: that verdict's reason in words.
        lower_bound: the target may be able to do more than ``fastest_ok_hz``.
    """

    fastest_ok_hz: float | None
    first_not_ok_hz: float | None
    verdict_of_first_not_ok: str
    reason: str
    lower_bound: bool

    def text(self, cores: float | None = None, *, why: bool = False) -> str:
        """Return it for people: ``knee 32/s; not 64/s (saturated); 16/s/core on 2 CPUs``.

        Args:
            cores: CPUs of affinity and quota, to say it per core too.
            why: give the verdict's reason as well.
        """
        verdict = self.verdict_of_first_not_ok + (f": {self.reason}" if why and self.reason else "")
        missed = "" if self.first_not_ok_hz is None else f"{rate_text(self.first_not_ok_hz)} ({verdict})"
        if self.fastest_ok_hz is None:
            return self._none_ok(missed)
        sign = "≥ " if self.lower_bound else ""
        rest = f"; not {missed}" if missed else ": every step was ok"
        return f"knee {sign}{rate_text(self.fastest_ok_hz)}{rest}{self._per_core(cores, sign)}"

    def _none_ok(self, missed: str) -> str:
        if not missed:
            return "knee unknown: no step was run"
        return f"knee unknown; not {missed}" if self.lower_bound else f"knee < {missed}"

    def _per_core(self, cores: float | None, sign: str) -> str:
        if not cores or self.fastest_ok_hz is None:
            return ""
        cpus = "1 CPU" if cores == 1 else f"{cores:g} CPUs"
        return f"; {sign}{rate_text(self.fastest_ok_hz / cores)}/core on {cpus}"


def find_knee(rows: Iterable[Mapping[str, Any]]) -> Knee:
    """Return the knee of the records of one series, in whatever order they come.

    A step that was ok although a slower one was not doesn't count: the series had ended there.
    """
    fastest_ok_hz: float | None = None
    for row in sorted(rows, key=lambda row: float(row["offered_rate_hz"])):
        verdict = verdict_of(row)
        if verdict != "ok":
            bound = verdict in NOT_THE_TARGET
            return Knee(
                fastest_ok_hz, row["offered_rate_hz"], verdict, row["verdict_reason"], lower_bound=bound
            )
        fastest_ok_hz = row["offered_rate_hz"]
    return Knee(fastest_ok_hz, None, "", "", lower_bound=True)


def verdict_of(row: Mapping[str, Any]) -> str:
    """Return a record's verdict; a load that was cut short has none but ``interrupted``."""
    return "interrupted" if row["interrupted"] else str(row["verdict"])


def cores_of(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the CPUs that the records' throughput per core was divided by; None where none says."""
    for row in rows:
        if row["throughput_hz"] and row["throughput_per_core_hz"]:
            return round(float(row["throughput_hz"]) / float(row["throughput_per_core_hz"]), 6)
    return None
