"""Records of runs as comparisons read them, made from the figures of their trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]
SERIES = "benchmarks/test_it.py::test_it"
SPEEDS = (1.0, 1.31, 1.08, 0.87, 1.22)  # factors of the times by trial, on a host whose speed drifts
OTHERS = (1.17, 0.91, 1.26, 1.02, 1.11)
SPAWN_S = 0.0003


def name(step_s: float, series: str = SERIES) -> str:
    return f"{series}[{step_s}s]"


def row(p50_s: float | None, verdict: str = "ok", rate_hz: float | None = 10.0, **changed: Any) -> Record:
    times = {"p50": p50_s, "p90": p50_s and 2 * p50_s, "p99": p50_s and 3 * p50_s}
    counts = {"scheduled": 500, "completed": 500, "censored": 0, "failure_rate": 0.0}
    return {
        "throughput_hz": rate_hz,
        "achieved_rate_hz": rate_hz,
        **times,
        "verdict": verdict,
        **counts,
        **changed,
    }


def record(step_s: float | None, rows: Sequence[Record], verdict: str = "ok", **changed: Any) -> Record:
    """Return a record of a load with these trials; the pooled figures equal the first trial's."""
    first = rows[0]
    times = {key: first[key] for key in ("p50", "p90", "p99")}
    n = sum(each["completed"] for each in rows)
    summary = {"n": n, "censored": 0, "min": 0.001, "mean": first["p50"], "max": 1.0, "stddev": 0.1, **times}
    return {
        "target": "some",
        "variant": {},
        "ready": "exit",
        "mode": "sweep" if step_s else "cold",
        "arrivals": "fixed",
        "time_step_s": step_s,
        "offered_rate_hz": 1 / step_s if step_s else None,
        "achieved_rate_hz": first["achieved_rate_hz"],
        "throughput_hz": first["throughput_hz"],
        "throughput_per_core_hz": None,
        "window_s": 4.0,
        "trials": len(rows),
        "per_trial": list(rows),
        "scheduled": sum(each["scheduled"] for each in rows),
        "completed": n,
        "verdict": verdict,
        "verdict_reason": "",
        "interrupted": False,
        "timeout_s": 60.0,
        "response_time_s": summary,
        "service_time_s": summary,
        "settings": {"warmup_s": 1.0, "max_warmup_s": 60.0},
        "host": {},
        **changed,
    }


def steady(step_s: float | None, p50_s: float = 0.02, trials: int = 5, **changed: Any) -> Record:
    """Return a record with nearly equal trials."""
    rate_hz = 1 / step_s if step_s else None
    rows = [row(p50_s * (1 + 0.001 * number), rate_hz=rate_hz) for number in range(trials)]
    return record(step_s, rows, **changed)


def drifting(speeds: Sequence[float], p50_s: float = 0.02, *, timed: bool = True) -> Record:
    """Return a record whose times follow the host's speed to within half a per cent."""
    rows = [
        row(p50_s * speed * (1 + 0.005 * (-1) ** number), spawn_s=SPAWN_S * speed if timed else None)
        for number, speed in enumerate(speeds)
    ]
    return record(1.0, rows)


def mixed(step_s: float, verdicts: Sequence[str], verdict: str) -> Record:
    """Return a record whose trials have these verdicts."""
    rows = [row(0.02, each, rate_hz=1 / step_s) for each in verdicts]
    return record(step_s, rows, verdict)


def run(*records: Record, series: str = SERIES) -> dict[str, Record]:
    return {name(each["time_step_s"], series) if each["time_step_s"] else series: each for each in records}
