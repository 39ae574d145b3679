"""The knee of a series: the fastest step that was ok, never without the first that was not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.progress import rate_text, significant

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
        searched: the record's ``knee``, where a search has narrowed it down.
    """

    fastest_ok_hz: float | None
    first_not_ok_hz: float | None
    verdict_of_first_not_ok: str
    reason: str
    lower_bound: bool
    searched: Mapping[str, Any] | None = None

    def text(self, cores: float | None = None, *, why: bool = False) -> str:
        """Return it for people: ``knee 32/s; not 64/s (saturated); 16/s/core on 2 CPUs``.

        Of a search: ``knee 37.2/s (36.5 to 38.1), 18.6/s per core on 2 CPUs``.

        Args:
            cores: CPUs of affinity and quota, to say it per core too.
            why: give the verdict's reason as well.
        """
        verdict = self.verdict_of_first_not_ok + (f": {self.reason}" if why and self.reason else "")
        missed = "" if self.first_not_ok_hz is None else f"{rate_text(self.first_not_ok_hz)} ({verdict})"
        if self.fastest_ok_hz is None:
            return self._none_ok(missed)
        sign = "≥ " if self.lower_bound else ""
        if self.searched is not None:
            return self._found(self.searched, sign, missed, cores)
        rest = f"; not {missed}" if missed else ": every step was ok"
        return f"knee {sign}{rate_text(self.fastest_ok_hz)}{rest}{self._per_core(cores, sign)}"

    def _none_ok(self, missed: str) -> str:
        if not missed:
            return "knee unknown: no step was run"
        return f"knee unknown; not {missed}" if self.lower_bound else f"knee < {missed}"

    def _found(self, knee: Mapping[str, Any], sign: str, missed: str, cores: float | None) -> str:
        """Return what a search has found: one number, its interval, and the number per core."""
        ends = [_number(end_hz) for end_hz in (knee["lower_hz"], knee["upper_hz"]) if end_hz]
        interval = "" if sign else f" ({' to '.join(ends)})"
        on = f" on {_cpus(cores)}" if cores else ""
        per_core = f", {sign}{_number(knee['per_core_hz'])}/s per core{on}"
        rest = "" if not sign else f"; not {missed}" if missed else ": every step was ok"
        wide = "" if knee["narrow"] or knee["interrupted"] else "; no narrower: see the loads"
        cut = "; the search was cut short" if knee["interrupted"] else wide
        return f"knee {sign}{_number(knee['rate_hz'])}/s{interval}{per_core}{rest}{cut}"

    def _per_core(self, cores: float | None, sign: str) -> str:
        if not cores or self.fastest_ok_hz is None:
            return ""
        return f"; {sign}{rate_text(self.fastest_ok_hz / cores)}/core on {_cpus(cores)}"


def _number(rate_hz: float) -> str:
    """Return a rate to three digits: more aren't known of an interval."""
    return significant(rate_hz) if rate_hz >= 1 else f"{rate_hz:.3g}"


def _cpus(cores: float) -> str:
    return "1 CPU" if cores == 1 else f"{cores:g} CPUs"


def find_knee(rows: Iterable[Mapping[str, Any]]) -> Knee:
    """Return the knee of the records of one series, in whatever order they come.

    A step that was ok although a slower one was not doesn't count: the series had ended there. What a
    search has found is nearer than any step.
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
            return Knee(
                fastest_ok_hz, row["offered_rate_hz"], verdict, row["verdict_reason"], lower_bound=bound
            )
        fastest_ok_hz = row["offered_rate_hz"]
    return Knee(fastest_ok_hz, None, "", "", lower_bound=True)


def _searched(knee: Mapping[str, Any]) -> Knee:
    return Knee(
        fastest_ok_hz=knee["lower_hz"],
        first_not_ok_hz=knee["upper_hz"],
        verdict_of_first_not_ok=knee["upper_verdict"] or "",
        reason=knee["upper_reason"] or "",
        lower_bound=knee["lower_bound"],
        searched=knee,
    )


def verdict_of(row: Mapping[str, Any]) -> str:
    """Return a record's verdict; a load that was cut short has none but ``interrupted``."""
    return "interrupted" if row["interrupted"] else str(row["verdict"])


def cores_of(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the CPUs that the records' throughput per core was divided by; None where none says."""
    for row in rows:
        if row["throughput_hz"] and row["throughput_per_core_hz"]:
            return round(float(row["throughput_hz"]) / float(row["throughput_per_core_hz"]), 6)
    return None
