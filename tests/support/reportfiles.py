"""Made-up results in pytest-benchmark's format: sweeps and cold starts with complete records."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.results.summary import buckets, summarize

Record = dict[str, Any]
STEPS = (0.25, 0.125, 0.0625, 0.03125)
HOSTILE = (
    "=cmd|'/c calc'!A1",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a|b\\`*_{}[link](http://evil.example)",
    "tab\there\nand a line",
    "\x1b[31mred\x07 \u202ereversed",
    "'}; alert(1) //",
    "&lt;&#60; ]]> --> </svg></style>",
)
MACHINE = {
    "node": "host",
    "unikernel": {
        "cpu_model": "Model T",
        "cpu_count": 2,
        "usable_cores": 2.0,
        "memory_bytes": 8 * 2**30,
        "os": "Debian",
        "kernel": "6.1",
        "programs": {},
    },
}


def load(
    target: str, step_s: float | None, *, launches: int = 400, verdict: str = "ok", **changes: Any
) -> Record:
    """Return a complete record; ``changes`` replace its values."""
    rng = random.Random(ascii(f"{target} {step_s}"))  # noqa: S311 - made up, and the same each time
    values = sorted(int(rng.lognormvariate(16, 0.3)) for _ in range(launches))
    times = summarize(values).as_json()
    late = summarize(value // 100 for value in values).as_json()
    rate_hz = 1 / step_s if step_s else None
    rates = dict.fromkeys(("offered_rate_hz", "achieved_rate_hz", "throughput_hz"), rate_hz)
    return {
        "schema": 1, "target": target, "fixture": target, "variant": {}, "ready": "exit",
        "mode": "sweep" if step_s else "cold", "arrivals": "fixed" if step_s else None, "seeds": [],
        "versions": {"program": "1.0"}, "time_step_s": step_s, **rates,
        "throughput_per_core_hz": rate_hz and rate_hz / 2,
        "warmup_s": 1.0, "window_s": 4.0, "trials": 1, "per_trial": [], "verdict": verdict,
        "scheduled": launches, "started": launches, "completed": launches, "dropped": 0, "unfinished": 0,
        "failed": {}, "failures": [], "verdict_reason": "", "interrupted": False, "in_flight_max": 3,
        "timeout_s": 60.0, "response_time_s": times, "service_time_s": times,
        "lateness_s": late if step_s else None,
        "distribution": {
            "scheme": "logarithmic", "base": 1.02, "unit_s": 1e-9, "censored": 0,
            "response_time_s": [list(each) for each in buckets(values)],
        },
        "intervals_s": {"started->up": times, "up->exited": times, "started->exited": times},
        "phases_s": {"boot": times, "run": times, "total": times}, "neighbours_s": {},
        "partition": partition(times["mean"], ("boot", "run")),
        "over_time": course(step_s) if step_s else None,
        "instance": {"user_s": 0.001, "system_s": 0.001, "max_rss_bytes": None}, "generator": {},
        "host": {
            "cpu_percent": 40.0, "steal_percent": 0.5, "memory_available_min_bytes": 2.0**32,
            "memory_available_begin_bytes": 2.0**33,
            "psi_cpu": 3.0, "load1_max": 1.0,
        },
        "guards": {}, "settings": {"warmup_s": 1.0, "max_warmup_s": 60.0},
        **changes,
    }  # fmt: skip


def course(step_s: float, bins: int = 20) -> Record:
    """Return a course of a load that keeps up for its first half, and falls back in its second."""
    late = [max(0, number - bins // 2) for number in range(bins)]
    times = [0.01 * (1 + each) for each in late]
    return {
        "trial": 0, "begin_s": -10 * step_s, "bin_s": 10 * step_s, "window_s": 10 * step_s * (bins - 2),
        "started": [10] * bins, "completed": [10 if not each else 5 for each in late],
        "failed": [1 if each > 5 else 0 for each in late],
        "in_flight_max": [1 + 5 * each for each in late],
        "lateness_p50_s": [1e-4] * bins, "lateness_max_s": [0.0, *[2e-4] * (bins - 1)],
        "response_p50_s": times, "response_max_s": [2 * each for each in times[:-1]] + [None],
    }  # fmt: skip


def partition(service_time_s: Any, names: Sequence[str]) -> Record:
    """Return a partition: equal shares for the phases and the remainder, and as much for each after ready."""
    share_s = service_time_s / (len(names) + 1)
    phases = [{"name": name, "before_ready_s": share_s, "after_ready_s": share_s} for name in names]
    return {
        "n": 400,
        "left_out": 0,
        "service_time_s": service_time_s,
        "other_s": share_s,
        "phases": phases,
    }


def bench(name: str, record: Record, data: Sequence[float] = (0.01, 0.02)) -> Record:
    """Return a benchmark of a load."""
    step_s = record["time_step_s"]
    fullname = f"test_it.py::{name}" + (f"[{step_s}s]" if step_s else "")
    return {"fullname": fullname, "name": name, "stats": {"data": list(data)}, "extra_info": {"load": record}}


def sweep(target: str, name: str = "", steps: Sequence[float] = STEPS) -> list[Record]:
    """Return the benchmarks of a sweep that was saturated at its last step, and of a cold start."""
    name = name or f"test_{abs(hash(target))}"
    loads = [load(target, step_s) for step_s in steps[:-1]]
    last = load(
        target, steps[-1], verdict="saturated", dropped=30, scheduled=430, failed={"timeout": 20},
        throughput_hz=0.6 / steps[-1],
    )  # fmt: skip
    last["response_time_s"] = {**last["response_time_s"], "censored": 50, "p99": None, "p99.9": None}
    return [
        *(bench(name, each) for each in (*loads, last)),
        bench(f"{name}_cold", load(target, None, launches=10)),
    ]


def on_hosts(whole: Record, names: Sequence[str], **changes: Any) -> Record:
    """Return a record whose launches hosts of these names made; each host is slower than the one before.

    Args:
        whole: the record of all launches.
        names: the hosts'.
        changes: replace values of the last host.
    """
    hosts = [_host(whole, name, 1 + number / 4, len(names)) for number, name in enumerate(names)]
    hosts[-1].update(changes)
    return {**whole, "schema": 3, "hosts": hosts}


def _host(whole: Record, name: str, slower: float, hosts: int) -> Record:
    keys = ("min", "mean", "max", *QUANTILES)
    times = whole["response_time_s"]
    times = {**times, **{key: times[key] and slower * times[key] for key in keys}}
    share = whole["scheduled"] // hosts
    return {
        "name": name, "cpus": 2.0, "versions": {"kernel": "6.1"}, "clock_error_s": 5e-5,
        "window_skew_s": -2e-4,
        "skewed": False, "scheduled": share, "started": share, "completed": share, "dropped": 0,
        "unfinished": 0, "failed": {}, "throughput_hz": whole["throughput_hz"] / hosts,
        "response_time_s": times, "service_time_s": times, "lateness_s": whole["lateness_s"], "verdict": "ok",
        "verdict_reason": "", "lost": "",
    }  # fmt: skip


def fleet(target: str, names: Sequence[str], steps: Sequence[float] = STEPS) -> list[Record]:
    """Return the benchmarks of a sweep by several hosts, the last of which was saturated at the last step."""
    *slow, last, cold = sweep(target, steps=steps)
    loads = [on_hosts(each["extra_info"]["load"], names) for each in slow]
    saturated = {"verdict": "saturated", "verdict_reason": "the backlog grew", "failed": {"timeout": 20}}
    loads.append(on_hosts(last["extra_info"]["load"], names, **saturated))
    return [*(bench(each["name"], made) for each, made in zip((*slow, last), loads, strict=True)), cold]


def means_only(target: str, steps: Sequence[float] = STEPS) -> list[Record]:
    """Return imported results that have little but means."""
    unknown = {"n": None, "censored": 0, "min": None, "max": None, "stddev": None, **dict.fromkeys(QUANTILES)}

    def old(step_s: float | None) -> Record:
        times = {**unknown, "mean": 0.3}
        rate_hz = 1 / step_s if step_s else None
        kept = ("schema", "target", "fixture", "variant", "ready", "mode", "time_step_s", "offered_rate_hz")
        whole = load(target, step_s)
        return {
            **dict.fromkeys(whole),
            **{key: whole[key] for key in kept},
            "throughput_hz": rate_hz and 0.99 * rate_hz,
            "service_time_s": times,
            "response_time_s": {**unknown, "mean": None},
            "source": {"format": "scripts", "files": ["latency.tsv"], "note": "means only"},
        }

    return [
        *(bench(f"old_{target}", old(step_s)) for step_s in steps),
        bench(f"old_{target}_cold", old(None)),
    ]


def write(path: Path, benchmarks: Sequence[Record]) -> Path:
    """Write a file of results."""
    document = {
        "machine_info": MACHINE,
        "datetime": "2026-01-02T03:04:05+00:00",
        "benchmarks": list(benchmarks),
    }
    path.write_text(json.dumps(document, indent=4), encoding="utf-8")
    return path
