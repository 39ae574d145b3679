"""A finished run with complete records: a series of three steps, the search for its knee, a cold start."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from typing import Any

from pytest_unikernel.plan.objectives import Objective
from pytest_unikernel.plan.origins import COMMAND_LINE, INI_FILE
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.settings import Layer, Sources, SweepSettings
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.host_knees import knees
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.objectives import judged
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.result import SCHEMA_OF_HOSTS, LoadResult, Surroundings
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import Verdict
from pytest_unikernel.results.verdict import verdict as judge
from pytest_unikernel.run.bisection import Interval, interval_json, knee_json
from pytest_unikernel.run.request import Request, settings_json

SERIES = "t.py::test_it"
KNEE = f"{SERIES}[knee]"
COLD = "t.py::test_cold"
HOSTS = "local:2"
STEPS = (Fraction(1, 4), Fraction(1, 8), Fraction(1, 16))
SEARCHED = (Fraction(1, 10), Fraction(1, 12))
TARGET = Target(
    "queue", ["/bin/true"], intervals=(("started", "ready"),), phases={"run": ("ready", "exited")}
)
LAUNCHES, STEP_NS = 24, 10_000_000
GENERATOR = {
    "cpu_s_per_launch": 0.001, "spawn_s": 0.0004, "spawn_p99_s": None, "spawn_max_s": 0.001,
    "loop_turn_s": 2e-7, "loop_turn_p99_s": None, "loop_turn_max_s": 1e-4, "realtime": True,
    "realtime_refused": False,
}  # fmt: skip
HOST = {
    "cpu_percent": 40.0, "steal_percent": 6.0, "memory_available_min_bytes": 2.0**28, "load1_max": 1.0,
    "processes_max": 90.0, "psi_cpu": 3.0, "psi_memory": 1.0, "psi_io": None, "cpu_count": 2,
    "swapped_bytes": 2**28, "governors": ["powersave"], "container_daemons": ["dockerd"],
    "busy_before_percent": 30.0, "container_daemons_needed": [],
}  # fmt: skip
GUARDS = {"max_in_flight": 9, "max_in_flight_from": "RLIMIT_NOFILE", "dropped": {"max_in_flight": 2}}
QUIESCENCE = {"waits": 2, "waited_s": 3.0, "bound_s": 3.0, "bound_hit": 1, "reasons": ["2 runnable tasks"]}


def settings(hosts: str = "") -> SweepSettings:
    """Return the requested settings."""
    steps = [str(float(each)) for each in STEPS]
    line = {"time_steps": steps, "trials": 2, "window": 1.0, "warmup": 0.0, "knee": True}
    made = Sources(Layer(COMMAND_LINE, line), Layer(INI_FILE, {})).settings(None)
    return dataclasses.replace(made, hosts=hosts, slo=(Objective("p50", 0.5), Objective("p99", 0.5)))


def request(fullname: str, hosts: str = "") -> Request:
    """Return a test's request for its load."""
    return Request(fullname, SERIES, TARGET, settings(hosts))


def name(step: Fraction) -> str:
    """Return the node id of a step."""
    return f"{SERIES}[{float(step)}s]"


def trial(slower: float = 1.0) -> Trial:
    """Return a trial with one failed launch and one unfinished launch."""
    log = LaunchLog()
    for number in range(LAUNCHES):
        row = log.add(number * STEP_NS)
        log.started_ns[row] = number * STEP_NS + 1000
        log.ready_ns[row] = log.started_ns[row] + int(slower * 1_000_000 * (5 + number % 7))
        log.exited_ns[row] = log.ready_ns[row] + 1000
        log.spawn_ns[row] = 400_000
        log.outcome[row] = Outcome.COMPLETED
    log.outcome[LAUNCHES - 1], log.tails[LAUNCHES - 1] = Outcome.EXIT_CODE, "it broke\n"
    log.outcome[LAUNCHES - 2] = Outcome.UNFINISHED
    return Trial(log.trim(), range(LAUNCHES), 0, LAUNCHES * STEP_NS, float(STEP_NS))


def load(step: Fraction | None, verdict: Verdict = "ok", slower: float = 1.0, hosts: str = "") -> LoadResult:
    """Return a load; None is a cold start."""
    plan = settings(hosts).cold_plan(LAUNCHES) if step is None else request(name(step), hosts).plan(step)
    around = Surroundings(
        mode="cold" if step is None else "sweep", time_step_s=None if step is None else float(step),
        arrivals=None if step is None else "fixed", seeds=[], warmup_s=1.0, cores=2.0, timeout_s=60.0,
        versions={"kernel": "6.1"}, generator=GENERATOR, host=HOST, guards=GUARDS, quiescence=QUIESCENCE,
        settings=settings_json(TARGET, plan),
    )  # fmt: skip
    trials = [trial(slower), trial(slower * 1.1)]
    made = make_result(TARGET, trials, [judge(each) for each in trials], around)
    result = dataclasses.replace(made, verdict=verdict, verdict_reason="" if verdict == "ok" else "so it was")
    result = dataclasses.replace(result, slo=judged(result, settings().slo) or None)
    return _on_hosts(result) if hosts and step is not None else result


def _on_hosts(result: LoadResult) -> LoadResult:
    """Return a load as two hosts made it, one of which was lost where the load was not ok."""
    lost = "" if result.verdict == "ok" else "its worker did not answer for 5 s"
    rows = [_host(result, "one", ""), _host(result, "two", lost)]
    made = dataclasses.replace(result, schema=SCHEMA_OF_HOSTS, hosts=rows)
    return dataclasses.replace(made, knees=knees([made.as_json()]))


def _host(result: LoadResult, name: str, lost: str) -> dict[str, Any]:
    times = ("response_time_s", "service_time_s", "lateness_s")
    counts = ("scheduled", "started", "completed", "dropped", "unfinished", "failed", "throughput_hz")
    return {
        "name": name, "cpus": 2.0, "versions": {"kernel": "6.1"}, "clock_error_s": 1e-5,
        "window_skew_s": -1e-4, "skewed": False, "verdict": None if lost else result.verdict,
        "verdict_reason": result.verdict_reason, "interrupted": bool(lost), "lost": lost,
        **{key: getattr(result, key) for key in (*times, *counts)},
    }  # fmt: skip


def search(hosts: str = "") -> LoadResult:
    """Return the load of a search."""
    lower, upper = load(SEARCHED[0], hosts=hosts), load(SEARCHED[1], "saturated", 2.0, hosts)
    interval = Interval(lower, upper)
    knee = knee_json(interval, [lower, upper], 2.0, interrupted=False) | {"between_hz": [8.0, 16.0]}
    slo = {key: {**each, "interval": interval_json(interval)} for key, each in (lower.slo or {}).items()}
    return dataclasses.replace(lower, knee=knee, slo=slo)


def results(hosts: str = "") -> dict[str, LoadResult]:
    """Return every load by the name of its test."""
    verdicts: tuple[Verdict, ...] = ("ok", "ok", "saturated")
    steps = {
        name(step): load(step, verdict, hosts=hosts) for step, verdict in zip(STEPS, verdicts, strict=True)
    }
    return {**steps, KNEE: search(hosts), COLD: load(None)}


def document(hosts: str = "") -> dict[str, Any]:
    """Return the run as pytest-benchmark saves it."""
    benchmarks = [
        {
            "fullname": fullname,
            "name": fullname.partition("::")[2],
            "extra_info": {"load": result.as_json()},
            "stats": {"data": list(result.responses_s)},
        }
        for fullname, result in results(hosts).items()
    ]
    machine = {"node": "host", "unikernel": {"cpu_model": "Model T", "memory_bytes": 2**33, "kernel": "6.1"}}
    found = {"machine_info": machine, "datetime": "2026-01-02T03:04:05", "benchmarks": benchmarks}
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def journal(hosts: str = "") -> list[dict[str, Any]]:
    """Return the run's finished loads as the lines of a journal."""
    return [
        {
            "fullname": each["fullname"],
            "record": each["extra_info"]["load"],
            "responses_s": each["stats"]["data"],
        }
        for each in document(hosts)["benchmarks"]
    ]
