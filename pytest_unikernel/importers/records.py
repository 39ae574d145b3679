"""Makes the record of a load from imported figures; unknown values are null. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_unikernel.importers.pool import Pooled
from pytest_unikernel.importers.readings import Launches, Reading, Spread, Window
from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.result import SCHEMA, plain
from pytest_unikernel.results.summary import BUCKET_BASE, buckets, summarize_ordered

MEANS_ONLY = "means only"
NO_LATENCY = "no latency, so pytest-benchmark's stats are zero"
SERVICE = "latency and pytest-benchmark's stats are service times, from the actual start"

JsonDict = dict[str, Any]


@dataclass(frozen=True)
class Stated:
    """The settings of the measurement as stated by the user, in seconds; None: unknown."""

    window_s: float | None = None
    warmup_s: float | None = None


def record(pooled: Pooled, stated: Stated) -> JsonDict:
    """Return ``extra_info["load"]`` with every key of the schema, and its origin in ``source``."""
    reading, subject = pooled.reading, pooled.subject
    step_s = None if reading.time_step is None else float(reading.time_step)
    latency = latency_summary(reading)
    is_cold = step_s is None
    launches = reading.launches
    return {
        "schema": SCHEMA,
        "target": subject.target,
        "fixture": subject.fixture,
        "variant": plain(dict(subject.variant)),
        "ready": subject.ready,
        "mode": "cold" if is_cold else "sweep",
        "arrivals": None if is_cold else "fixed",
        "seeds": [],
        "versions": {},
        "time_step_s": step_s,
        "offered_rate_hz": None if step_s is None else 1 / step_s,
        "achieved_rate_hz": _achieved_hz(reading),
        "throughput_hz": reading.throughput_hz or _throughput_hz(reading.windows),
        "throughput_per_core_hz": None,
        "warmup_s": stated.warmup_s,
        "window_s": _window_s(reading.windows, stated),
        "trials": len(reading.windows) or None,
        "per_trial": [_trial(window, launches) for window in reading.windows],
        **_counts(launches),
        "failures": [],
        "verdict": None,
        "verdict_reason": "",
        "interrupted": False,
        "in_flight_max": None,
        "timeout_s": None,
        "response_time_s": latency if is_cold else _unknown_summary(),
        "service_time_s": latency,
        "lateness_s": None,
        "distribution": _distribution(launches, is_cold=is_cold),
        "intervals_s": {},
        "phases_s": {},
        "neighbours_s": {name: _spread(spread) for name, spread in reading.neighbours_s.items()},
        "stamps": {},
        "instance": dict.fromkeys(("user_s", "system_s", "max_rss_bytes")),
        "generator": dict.fromkeys(("cpu_s_per_launch", "spawn_s", "loop_turn_s", "realtime")),
        "host": dict.fromkeys(HOST_KEYS),
        "guards": {},
        "settings": {"window_s": stated.window_s, "warmup_s": stated.warmup_s, "max_warmup_s": None},
        **dict.fromkeys(
            (
                "knee",
                "slo",
                "spread",
                "quiescence",
                "partition",
                "over_time",
                "series",
                "first_attempt",
                "run",
            )
        ),
        "source": {"format": ", ".join(pooled.formats), "files": list(reading.files), "note": _note(reading)},
    }


HOST_KEYS = (
    "cpu_percent",
    "steal_percent",
    "memory_available_min_bytes",
    "load1_max",
    "processes_max",
    "psi_cpu",
    "container_daemons",
)


def _note(reading: Reading) -> str:
    first = [] if reading.launches is not None else [MEANS_ONLY]
    unknown = reading.launches is None and reading.latency_s is None
    stats_are = NO_LATENCY if unknown else SERVICE
    return "; ".join([*first, stats_are, *reading.notes])


# latency -------------------------------------------------------------------------------------------


def latency_summary(reading: Reading) -> JsonDict:
    """Return the latency as a summary of every launch, or as a summary with only the mean."""
    if reading.launches is not None:
        ordered = sorted(reading.launches.latencies_ns)
        return summarize_ordered(ordered, reading.launches.unfinished).as_json()
    return {**_unknown_summary(), "mean": reading.latency_s}


def _unknown_summary() -> JsonDict:
    """Return the summary of an unmeasured quantity: the scripts recorded no scheduled instants."""
    return dict.fromkeys(("n", "censored", "min", "mean", "max", "stddev", *QUANTILES))


def _spread(spread: Spread) -> JsonDict:
    known = {"min": spread.min_s, "mean": spread.mean_s, "max": spread.max_s}
    names = ("n", "min", "mean", "max", "stddev", "p50", "p90", "p95", "p99")
    return {**dict.fromkeys(names), **known}


def _distribution(launches: Launches | None, *, is_cold: bool) -> JsonDict | None:
    if launches is None:
        return None
    counted = buckets(sorted(launches.latencies_ns))
    scale = {"scheme": "logarithmic", "base": BUCKET_BASE, "unit_s": 1e-9, "censored": launches.unfinished}
    return {
        **scale,
        "response_time_s": counted if is_cold else [],
        "service_time_s": counted,
        "lateness_s": [],
    }


def _counts(launches: Launches | None) -> JsonDict:
    names = ("scheduled", "started", "completed", "dropped", "unfinished", "failed")
    if launches is None:
        return dict.fromkeys(names)
    started = len(launches.starts_unix_ns)
    known = (started, started, len(launches.latencies_ns), 0, launches.unfinished, dict(launches.failed))
    return dict(zip(names, known, strict=True))


# rates ---------------------------------------------------------------------------------------------


def _throughput_hz(windows: Sequence[Window]) -> float | None:
    return sum(window.exits for window in windows) / _total_s(windows) if windows else None


def _achieved_hz(reading: Reading) -> float | None:
    """Return the starts per second of the windows; None unless both files of a run are present."""
    if reading.launches is None or not reading.windows:
        return None
    starts = sorted(reading.launches.starts_unix_ns)
    return sum(_started_in(starts, window) for window in reading.windows) / _total_s(reading.windows)


def _started_in(ordered_ns: Sequence[int], window: Window) -> int:
    return bisect_left(ordered_ns, window.end_unix_ns) - bisect_left(ordered_ns, window.begin_unix_ns)


def _trial(window: Window, launches: Launches | None) -> JsonDict:
    window_s = _total_s([window])
    started = None if launches is None else _started_in(sorted(launches.starts_unix_ns), window)
    return {
        "throughput_hz": window.exits / window_s,
        "achieved_rate_hz": None if started is None else started / window_s,
        "p50": None,
        "p99": None,
        "verdict": None,
    }


def _window_s(windows: Sequence[Window], stated: Stated) -> float | None:
    return _total_s(windows) / len(windows) if windows else stated.window_s


def _total_s(windows: Iterable[Window]) -> float:
    return sum(window.end_unix_ns - window.begin_unix_ns for window in windows) / 1e9
