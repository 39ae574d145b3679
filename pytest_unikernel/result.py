"""What a load measured: attributes for tests, JSON for pytest-benchmark.

The JSON's history, by ``schema``:

1   the first.
2   ``per_trial`` gained what comparisons need: ``p90``, ``scheduled``, ``completed``, ``censored``,
    ``failure_rate``, ``spawn_s``; ``host`` gained ``cpu_count``, of which ``cpu_percent`` is a share.
    New: ``knee``, ``slo``, ``spread``, ``quiescence``.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

from pytest_unikernel.intervals import intervals, neighbours, phases, stamp_counts
from pytest_unikernel.plan.outcome import FAILURES, Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.stats import Trial, Verdict, censored, in_flight_max, majority, verdict
from pytest_unikernel.summary import BUCKET_BASE, Summary, buckets, named_quantile, summarize_ordered

SCHEMA = 2
SPREAD = ("throughput_hz", "p50", "p99")
TRIAL_QUANTILES = ("p50", "p90", "p99")

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


def make_result(target: Target, trials: Sequence[Trial], around: Surroundings) -> LoadResult:
    """Pool the trials of a load into one result: samples together, counts summed, rates over all windows."""
    scheduled = around.mode == "sweep"
    counts = sum((trial.counts() for trial in trials), Counter[Outcome]())
    unknown = censored(counts)
    response = _pooled(trial.ordered_response_ns for trial in trials)
    service = _pooled(trial.service_ns() for trial in trials)
    lateness = _pooled(trial.ordered_lateness_ns for trial in trials) if scheduled else []
    judged = [verdict(trial) for trial in trials]
    final = majority([each for each, _ in judged])
    window_s = sum(trial.window_s for trial in trials)
    throughput = _rate((trial.completed_in_window for trial in trials), window_s) if scheduled else None
    rows = [_trial_row(trial, each, scheduled) for trial, (each, _) in zip(trials, judged, strict=True)]
    return LoadResult(
        schema=SCHEMA,
        target=target.full_name,
        fixture=target.name,
        variant=plain(target.variant),
        ready=str(target.ready),
        mode=around.mode,
        arrivals=around.arrivals,
        seeds=around.seeds,
        versions=around.versions,
        time_step_s=around.time_step_s,
        offered_rate_hz=1 / around.time_step_s if around.time_step_s else None,
        achieved_rate_hz=_rate((trial.started_in_window for trial in trials), window_s)
        if scheduled
        else None,
        throughput_hz=throughput,
        throughput_per_core_hz=None if throughput is None else throughput / around.cores,
        warmup_s=around.warmup_s,
        window_s=window_s / len(trials),
        trials=len(trials),
        per_trial=rows,
        scheduled=sum(counts.values()),
        started=sum(counts.values()) - counts[Outcome.DROPPED],
        completed=counts[Outcome.COMPLETED],
        dropped=counts[Outcome.DROPPED],
        unfinished=counts[Outcome.UNFINISHED],
        failed={outcome.reason: counts[outcome] for outcome in FAILURES if counts[outcome]},
        failures=_examples(trials),
        verdict=final,
        verdict_reason=next((reason for each, reason in judged if each == final), ""),
        interrupted=around.interrupted,
        in_flight_max=max(in_flight_max(trial) for trial in trials),
        timeout_s=around.timeout_s,
        response_time_s=summarize_ordered(response, unknown),
        service_time_s=summarize_ordered(service, unknown),
        lateness_s=summarize_ordered(lateness) if scheduled else None,
        distribution=_distribution(
            unknown, response_time_s=response, service_time_s=service, lateness_s=lateness
        ),
        intervals_s=intervals(target, trials),
        phases_s=phases(target, trials),
        neighbours_s=neighbours(target, trials),
        stamps=stamp_counts(target, trials),
        instance=_instance(trials, around.own_rss_kib),
        generator=around.generator,
        host=around.host,
        guards=around.guards,
        settings=around.settings,
        spread=spread(rows),
        quiescence=around.quiescence,
        responses_s=_in_order(trials),
    )


def _pooled(parts: Iterable[list[int]]) -> list[int]:
    return sorted(chain.from_iterable(parts))  # next to free where the parts are in order already


def _in_order(trials: Sequence[Trial]) -> list[float]:
    """Return the response times in seconds in the order of the schedule."""
    return [value / 1e9 for trial in trials for value in trial.response_ns()]


def _rate(counts: Iterable[int], window_s: float) -> float | None:
    return sum(counts) / window_s if window_s > 0 else None


def _trial_row(trial: Trial, judged: Verdict, scheduled: bool) -> JsonDict:
    counts = trial.counts()
    due, unknown = sum(counts.values()), censored(counts)
    ordered = trial.ordered_response_ns
    spawns_ns = list(trial.of_completed(trial.log.spawn_ns))
    return {
        "throughput_hz": _rate([trial.completed_in_window], trial.window_s) if scheduled else None,
        "achieved_rate_hz": _rate([trial.started_in_window], trial.window_s) if scheduled else None,
        **{name: named_quantile(ordered, unknown, name) for name in TRIAL_QUANTILES},
        "verdict": judged,
        "scheduled": due,
        "completed": counts[Outcome.COMPLETED],
        "censored": unknown,
        "failure_rate": 1 - counts[Outcome.COMPLETED] / due if due else None,
        "spawn_s": statistics.median(spawns_ns) / 1e9 if spawns_ns else None,
    }


def spread(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Return how far trials lie apart, of those that have the figure: what a comparison's noise floor is."""
    return {name: _spread([row[name] for row in rows if row[name] is not None]) for name in SPREAD}


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    """Return extremes, standard deviation (with n - 1) and coefficient of variation."""
    ends = {"min": min(values, default=None), "max": max(values, default=None)}
    stddev = statistics.stdev(values) if len(values) > 1 else None
    mean = statistics.fmean(values) if values else 0.0
    return {
        "n": len(values),
        **ends,
        "stddev": stddev,
        "cv": stddev / mean if stddev is not None and mean else None,
    }


def _examples(trials: Sequence[Trial]) -> list[JsonDict]:
    """Return the first failures of each trial whose output was kept, with its end."""
    return [
        {"trial": number, "launch": index, "reason": outcome.reason, "status": trial.log.status[index],
         "output_tail": trial.log.tails[index]}
        for number, trial in enumerate(trials)
        for index, outcome in trial.log.failures(trial.rows)
        if index in trial.log.tails
    ]  # fmt: skip


def _distribution(unknown: int, **ordered_ns: list[int]) -> JsonDict:
    """Return compact histograms: bucket i holds base^(i-1) < x <= base^i ns; merged by adding counts."""
    scale = {"scheme": "logarithmic", "base": BUCKET_BASE, "unit_s": 1e-9, "censored": unknown}
    return {**scale, **{name: buckets(values) for name, values in ordered_ns.items()}}


def _instance(trials: Sequence[Trial], own_rss_kib: int) -> JsonDict:
    """Return mean CPU times and the largest resident set of the cohort's completed launches.

    A resident set not above our own is the kernel's artefact, and unknown: until its exec a child shares our
    memory, and ``ru_maxrss`` remembers that. Source: getrusage(2).
    """
    completed = sum(trial.counts()[Outcome.COMPLETED] for trial in trials)
    if not completed or not all(trial.log.usage_known for trial in trials):
        return {"user_s": None, "system_s": None, "max_rss_bytes": None}
    largest_kib = max(max(trial.of_completed(trial.log.max_rss_kib), default=0) for trial in trials)
    return {
        "user_s": sum(sum(trial.of_completed(trial.log.user_s)) for trial in trials) / completed,
        "system_s": sum(sum(trial.of_completed(trial.log.system_s)) for trial in trials) / completed,
        "max_rss_bytes": largest_kib * 1024 if largest_kib > own_rss_kib else None,
    }


SUMMARIES = ("response_time_s", "service_time_s", "lateness_s")
SUMMARY_MAPPINGS = ("intervals_s", "phases_s", "neighbours_s")


def from_json(record: Mapping[str, Any], responses_s: Sequence[float] = ()) -> LoadResult:
    """Return the result that a record was made of; keys of later schemas are ignored."""
    known: JsonDict = {"stamps": {}}  # a key that came later
    known |= {name: record[name] for name in LoadResult.__dataclass_fields__ if name in record}
    for name in SUMMARIES:
        known[name] = None if known[name] is None else summary_from_json(known[name])
    for name in SUMMARY_MAPPINGS:
        known[name] = {key: summary_from_json(each) for key, each in known[name].items()}
    return LoadResult(**known, responses_s=tuple(responses_s))


def summary_from_json(record: Mapping[str, Any]) -> Summary:
    """Return the summary that a record's entry was made of."""
    moments = {name: record[name] for name in ("n", "censored", "min", "mean", "max", "stddev")}
    return Summary(
        **moments, quantiles={name: value for name, value in record.items() if name not in moments}
    )
