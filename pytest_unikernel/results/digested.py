"""The figures of a load whose hosts sent digests: those of all launches, not of those that came. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.results.digest import Digest, Middles, Times, merged, summary
from pytest_unikernel.results.fleet import HostTrial
from pytest_unikernel.results.pooling import TRIAL_QUANTILES, count_keys
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.results.spread import spread
from pytest_unikernel.results.summary import BUCKET_BASE, named_quantile
from pytest_unikernel.results.verdict import censored

QUANTITIES = ("response", "service", "lateness")


def counts_of(digests: Sequence[Digest], lost: int = 0) -> Counter[Outcome]:
    """Return the launches by outcome; those that were lost with their hosts are unfinished."""
    counts = sum((each.counts for each in digests), Counter[Outcome]())
    counts[Outcome.UNFINISHED] += lost
    return counts


def times(digests: Sequence[Digest], unknown: int) -> dict[str, Any]:
    """Return the record's times."""
    found = {name: merged(getattr(each, name) for each in digests) for name in QUANTITIES}
    return {
        "response_time_s": summary(found["response"], unknown),
        "service_time_s": summary(found["service"], unknown),
        "lateness_s": summary(found["lateness"]),
    }


def with_digests(
    result: LoadResult, trials: Sequence[Sequence[HostTrial]], lost: Sequence[int], windows_s: Sequence[float]
) -> LoadResult:
    """Return a result with the figures of all launches.

    Times have their exact moments, and quantiles within ``digest.LARGEST_ERROR``. Instances in flight are at
    most those given: the sum of the hosts' largest numbers. The course over time is unknown.

    Args:
        result: the result of the launches that came.
        trials: each trial's shares.
        lost: the launches of each trial that were lost with their hosts.
        windows_s: the length of each trial's window.
    """
    digests = [[each.figures for each in trial] for trial in trials]
    every = [each for trial in digests for each in trial]
    counts = counts_of(every, sum(lost))
    rates = _rates(every, sum(windows_s))
    per_core = result.throughput_per_core_hz
    cores = result.throughput_hz / per_core if result.throughput_hz and per_core else None
    throughput_hz = rates["throughput_hz"]
    rows = [
        {**row, **_trial_keys(*each)}
        for row, each in zip(result.per_trial, zip(digests, lost, windows_s, strict=True), strict=True)
    ]
    return replace(
        result,
        **count_keys(counts),
        **times(every, censored(counts)),
        **rates,
        throughput_per_core_hz=throughput_hz / cores if throughput_hz is not None and cores else None,
        distribution=_distribution(every, censored(counts)),
        in_flight_max=max(sum(each.in_flight_max for each in trial) for trial in digests),
        per_trial=rows,
        spread=spread(rows),
        over_time=None,
    )


def _rates(digests: Sequence[Digest], window_s: float) -> dict[str, Any]:
    counts = {
        "throughput_hz": sum(each.completed_in_window for each in digests),
        "achieved_rate_hz": sum(each.started_in_window for each in digests),
    }
    return {name: count / window_s if window_s > 0 else None for name, count in counts.items()}


def _trial_keys(digests: Sequence[Digest], lost: int, window_s: float) -> Mapping[str, Any]:
    """Return the keys of a trial's row that refer to all of its launches."""
    counts = counts_of(digests, lost)
    unknown, due = censored(counts), counts.total()
    middles = Middles(merged(each.response for each in digests))
    return {
        **_rates(digests, window_s),
        **{name: named_quantile(middles, unknown, name) for name in TRIAL_QUANTILES},
        "scheduled": due,
        "completed": counts[Outcome.COMPLETED],
        "censored": unknown,
        "failure_rate": 1 - counts[Outcome.COMPLETED] / due if due else None,
    }


def _distribution(digests: Sequence[Digest], unknown: int) -> dict[str, Any]:
    found: dict[str, Times] = {name: merged(getattr(each, name) for each in digests) for name in QUANTITIES}
    return {
        "scheme": "logarithmic",
        "base": BUCKET_BASE,
        "unit_s": 1e-9,
        "censored": unknown,
        "response_time_s": found["response"].counted,
        "service_time_s": found["service"].counted,
        "lateness_s": found["lateness"].counted,
    }
