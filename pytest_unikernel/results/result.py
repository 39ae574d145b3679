"""What a load measured: attributes for tests, JSON for pytest-benchmark.

The JSON's history, by ``schema``:

1   the first.
2   ``per_trial`` gained what comparisons need: ``p90``, ``scheduled``, ``completed``, ``censored``,
    ``failure_rate``, ``spawn_s``; ``host`` gained ``cpu_count``, of which ``cpu_percent`` is a share.
    New: ``knee``, ``slo``, ``spread``, ``quiescence``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_unikernel.results.summary import Summary
from pytest_unikernel.results.verdict import Verdict

SCHEMA = 2

JsonDict = dict[str, Any]


@dataclass(frozen=True)
class Surroundings:
    """What is known about a load besides its launches; see :class:`LoadResult` for the names."""

    mode: Literal["sweep", "cold"]
    time_step_s: float | None
    arrivals: str | None
    seeds: Sequence[int | None]
    warmup_s: float
    cores: float
    timeout_s: float
    versions: Mapping[str, str]
    generator: Mapping[str, float | bool | None]
    host: Mapping[str, Any]
    guards: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    own_rss_kib: int = 0
    quiescence: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class LoadResult:
    """One load: the same names as in ``extra_info["load"]``; seconds, hertz, bytes, None for unknown.

    ``response_time_s`` and its like have ``n``, ``min``, ``mean``, ``max``, ``stddev``, ``p50`` …
    ``p99_9`` as attributes, also ``["p99.9"]``.
    """

    schema: int
    target: str
    fixture: str
    variant: Mapping[str, Any]
    ready: str
    mode: Literal["sweep", "cold"]
    arrivals: str | None
    seeds: Sequence[int | None]
    versions: Mapping[str, str]
    time_step_s: float | None
    offered_rate_hz: float | None
    achieved_rate_hz: float | None
    throughput_hz: float | None
    throughput_per_core_hz: float | None
    warmup_s: float
    window_s: float
    trials: int
    per_trial: Sequence[Mapping[str, Any]]
    scheduled: int
    started: int
    completed: int
    dropped: int
    unfinished: int
    failed: Mapping[str, int]
    failures: Sequence[Mapping[str, Any]]
    verdict: Verdict
    verdict_reason: str
    interrupted: bool
    in_flight_max: int
    timeout_s: float
    response_time_s: Summary
    service_time_s: Summary
    lateness_s: Summary | None
    distribution: Mapping[str, Any]
    intervals_s: Mapping[str, Summary]
    phases_s: Mapping[str, Summary]
    neighbours_s: Mapping[str, Summary]
    stamps: Mapping[str, Any]
    instance: Mapping[str, float | None]
    generator: Mapping[str, float | bool | None]
    host: Mapping[str, Any]
    guards: Mapping[str, Any]
    settings: Mapping[str, Any]
    knee: Mapping[str, Any] | None = None
    slo: Mapping[str, Any] | None = None
    spread: Mapping[str, Mapping[str, float | None]] | None = None
    quiescence: Mapping[str, Any] | None = None
    responses_s: Sequence[float] = field(default=(), repr=False)

    def as_json(self) -> JsonDict:
        """Return the record, ready for JSON; the samples themselves are pytest-benchmark's."""
        names = [name for name in self.__dataclass_fields__ if name != "responses_s"]
        return {name: plain(getattr(self, name)) for name in names}


def plain(value: Any) -> Any:
    """Return a value as JSON knows it; what JSON doesn't know is shown as text."""
    if isinstance(value, Summary):
        return value.as_json()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, re.Pattern):
        value = value.pattern
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else str(value)
