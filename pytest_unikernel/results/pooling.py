"""Pools the trials of a load into one LoadResult."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from pytest_unikernel.plan.outcome import FAILURES, Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.intervals import intervals, neighbours, phases, stamp_counts
from pytest_unikernel.results.launches import own_rss_kib
from pytest_unikernel.results.over_time import over_time
from pytest_unikernel.results.partition import partition
from pytest_unikernel.results.result import SCHEMA, JsonDict, LoadResult, Surroundings, plain
from pytest_unikernel.results.spread import spread
from pytest_unikernel.results.summary import BUCKET_BASE, buckets, named_quantile, summarize_ordered
from pytest_unikernel.results.trial import Trial, in_flight_max
from pytest_unikernel.results.verdict import Judged, Verdict, censored, pooled

TRIAL_QUANTILES = ("p50", "p90", "p99")


def make_result(
    target: Target, trials: Sequence[Trial], judged: Sequence[Judged], around: Surroundings
) -> LoadResult:
    """Pool the trials of a load into one result: samples together, counts summed, rates over all windows.

    Args:
        target: the target as launched.
        trials: the trials, in order.
        judged: the verdict on each trial.
        around: all other facts about the load.
    """
    scheduled = around.mode == "sweep"
    counts = sum((trial.counts() for trial in trials), Counter[Outcome]())
    unknown = censored(counts)
    response = _pooled(trial.ordered_response_ns for trial in trials)
    service = _pooled(trial.service_ns() for trial in trials)
    lateness = _pooled(trial.ordered_lateness_ns for trial in trials) if scheduled else []
    window_s = sum(trial.window_s for trial in trials)
    throughput = _rate((trial.completed_in_window for trial in trials), window_s) if scheduled else None
    rows = [_trial_row(trial, each.verdict, scheduled) for trial, each in zip(trials, judged, strict=True)]
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
        **count_keys(counts),
        failures=_examples(trials),
        verdict=pooled(judged).verdict,
        verdict_reason=around.verdict_reason,
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
        partition=partition(target, trials),
        neighbours_s=neighbours(target, trials),
        stamps=stamp_counts(target, trials),
        instance=_instance(trials, around.own_rss_kib),
        generator=around.generator,
        host=around.host,
        guards=around.guards,
        settings=around.settings,
        spread=spread(rows),
        quiescence=around.quiescence,
        over_time=over_time(trials) if scheduled else None,
        responses_s=_in_order(trials),
    )


def count_keys(counts: Counter[Outcome]) -> JsonDict:
    """Return the record's counts."""
    return {
        "scheduled": counts.total(),
        "started": counts.total() - counts[Outcome.DROPPED],
        "completed": counts[Outcome.COMPLETED],
        "dropped": counts[Outcome.DROPPED],
        "unfinished": counts[Outcome.UNFINISHED],
        "failed": {outcome.reason: counts[outcome] for outcome in FAILURES if counts[outcome]},
    }


def _pooled(parts: Iterable[list[int]]) -> list[int]:
    return sorted(chain.from_iterable(parts))  # cheap, because each part is already sorted


def _in_order(trials: Sequence[Trial]) -> list[float]:
    """Return the response times in seconds in the order of the schedule."""
    return [value / 1e9 for trial in trials for value in trial.response_ns()]


def _rate(counts: Iterable[int], window_s: float) -> float | None:
    return sum(counts) / window_s if window_s > 0 else None


def _trial_row(trial: Trial, verdict: Verdict, scheduled: bool) -> JsonDict:
    counts = trial.counts()
    due, unknown = sum(counts.values()), censored(counts)
    ordered = trial.ordered_response_ns
    spawns_ns = list(trial.of_completed(trial.log.spawn_ns))
    return {
        "throughput_hz": _rate([trial.completed_in_window], trial.window_s) if scheduled else None,
        "achieved_rate_hz": _rate([trial.started_in_window], trial.window_s) if scheduled else None,
        **{name: named_quantile(ordered, unknown, name) for name in TRIAL_QUANTILES},
        "verdict": verdict,
        "scheduled": due,
        "completed": counts[Outcome.COMPLETED],
        "censored": unknown,
        "failure_rate": 1 - counts[Outcome.COMPLETED] / due if due else None,
        "spawn_s": statistics.median(spawns_ns) / 1e9 if spawns_ns else None,
    }


def _examples(trials: Sequence[Trial]) -> list[JsonDict]:
    """Return the first failures of each trial, with the end of their output."""
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


def _instance(trials: Sequence[Trial], generator_kib: int) -> JsonDict:
    """Return mean CPU times and the largest resident set of the cohort's completed launches."""
    completed = sum(trial.counts()[Outcome.COMPLETED] for trial in trials)
    if not completed or not all(trial.log.usage_known for trial in trials):
        return {"user_s": None, "system_s": None, "max_rss_bytes": None}
    largest_kib = max(max(trial.of_completed(trial.log.max_rss_kib), default=0) for trial in trials)
    rss_kib = own_rss_kib(largest_kib, generator_kib)
    return {
        "user_s": sum(sum(trial.of_completed(trial.log.user_s)) for trial in trials) / completed,
        "system_s": sum(sum(trial.of_completed(trial.log.system_s)) for trial in trials) / completed,
        "max_rss_bytes": None if rss_kib is None else 1024 * rss_kib,
    }
