"""A record for a report: missing and damaged values are unknown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.knee import NOT_THE_TARGET, verdict_on
from pytest_unikernel.results.record.check import fits
from pytest_unikernel.results.record.parts import Signed
from pytest_unikernel.results.summary import enough
from pytest_unikernel.text.grid import cut, printable

NAME_COLUMNS = 60
SMALLEST = 1e-12  # lower end of a log axis: no rate and no time is smaller
VERDICTS = frozenset({"ok", "saturated", "failing", *NOT_THE_TARGET})


@dataclass(frozen=True)
class Latency:
    """The latency that represents a load, in seconds.

    Attributes:
        statistic: ``p50``, or ``mean`` if there are no quantiles, as in imported figures.
        quantity: ``response``, or ``service`` if it was not measured against a schedule.
        p99_s: the 99 % quantile; None for too few launches.
        p99_is_bound: launches that never completed make p99 at least the time-out; ``p99_s`` is that bound.
    """

    value_s: float
    statistic: Literal["p50", "mean"]
    quantity: Literal["response", "service"]
    p99_s: float | None
    p99_is_bound: bool


@dataclass(frozen=True)
class ReportedLoad:
    """A load of a test.

    Attributes:
        series: the test's node id without the time step.
        record: a record of this run, or the sound part of a saved record.
        is_search: the load is one of a search for the knee, not a step of the sweep.
    """

    fullname: str
    series: str
    record: Mapping[str, Any]
    is_search: bool = False

    def number(self, *keys: str) -> float | None:
        """Return the number at the path of nested keys; None for any other value."""
        value: Any = self.record
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return float(value) if fits(value, Signed) else None

    def positive(self, *keys: str) -> float | None:
        """Return the number at the path if a log axis can show it, else None."""
        value = self.number(*keys)
        return value if value is not None and value >= SMALLEST else None

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return a mapping in the record; empty if it is missing."""
        return self.record.get(key) or {}

    def text(self, key: str) -> str:
        """Return a text in the record, safe to print; empty if it is missing."""
        value = self.record.get(key)
        return "" if value is None else clean(value)

    @property
    def target(self) -> str:
        """The variant's name."""
        return self.text("target")

    @property
    def step_s(self) -> float | None:
        """The time step; None for cold starts."""
        return self.positive("time_step_s")

    @property
    def is_cold(self) -> bool:
        """Whether instances were launched one after the other."""
        return self.record.get("mode") == "cold"

    @property
    def verdict(self) -> str:
        """The verdict; ``interrupted`` for a load that was cut short, empty for a load without a verdict."""
        if self.record.get("interrupted"):
            return "interrupted"
        verdict = verdict_on(self.record.get("verdict"), self.record.get("completed"))
        return verdict if verdict in VERDICTS else ""

    @property
    def latency(self) -> Latency | None:
        """The response time if it is known, otherwise the service time."""
        for quantity in ("response", "service"):
            key = f"{quantity}_time_s"
            for statistic in ("p50", "mean"):
                value_s = self.positive(key, statistic)
                if value_s is not None and (statistic == "p50" or not self.is_beyond(key, "p50")):
                    return Latency(value_s, statistic, quantity, *self._p99(key))
        return None

    def _p99(self, key: str) -> tuple[float | None, bool]:
        if self.is_beyond(key, "p99"):
            return self.positive("timeout_s"), True
        return self.positive(key, "p99"), False

    def is_beyond(self, key: str, name: str) -> bool:
        """Return whether a quantile of a quantity falls on launches that never completed."""
        completed, censored = self.number(key, "n") or 0.0, self.number(key, "censored") or 0.0
        suffices = enough(int(completed + censored), QUANTILES[name])
        return self.number(key, name) is None and censored > 0 and suffices

    @property
    def ready_resolution_s(self) -> float | None:
        """For how long an instance may have been ready unseen."""
        return self.positive("generator", "ready_resolution_s")

    @property
    def lateness_s(self) -> float | None:
        """The lateness' p99, or the largest where there were too few launches for one."""
        return self.positive("lateness_s", "p99") or self.positive("lateness_s", "max")

    @property
    def failures(self) -> dict[str, int]:
        """Return the number of the cohort's launches that did not complete, by reason."""
        counts = {clean(reason): count for reason, count in self.mapping("failed").items()}
        counts.update({name: self.record.get(name) for name in ("dropped", "unfinished")})
        return {reason: count for reason, count in counts.items() if count}


def clean(text: object, columns: int = NAME_COLUMNS) -> str:
    """Return a name on one line, without control characters, shortened to ``columns``."""
    return cut(printable(str(text)), columns)
