"""The time to summarise 1,000,000 launches and to write them as raw data, and the memory of a row.

    python benchmarks/figures/summary_speed.py [LAUNCHES]

Timed are ``make_result`` (quantiles, verdict, distribution) and ``json.dumps`` of the record; the replay into
pytest-benchmark isn't counted. Then ``--sweep-raw``'s table, with the memory that writing takes. The launches
are synthetic, with the spread of a real load at 1/1024 s.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import tracemalloc
from pathlib import Path

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.result import Surroundings
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import verdict
from pytest_unikernel.run.raw import write_raw

STEP_NS = 976_562
ROUNDS = 3
TARGET = Target("synthetic", ["true"])


def synthetic(launches: int) -> LaunchLog:
    """Return a log of launches that take some milliseconds each; one in 10,000 times out."""
    rng = random.Random(1)  # noqa: S311 - reproducible on purpose
    log = LaunchLog()
    for number in range(launches):
        due_ns = 1_000_000_000 + number * STEP_NS
        index = log.add(due_ns)
        started_ns = due_ns + int(rng.expovariate(1 / 40_000))
        ended_ns = started_ns + 800_000 + int(rng.lognormvariate(14, 0.5))
        log.started_ns[index] = started_ns
        log.exited_ns[index] = ended_ns
        if number % 10_000:
            log.ready_ns[index] = ended_ns
        log.outcome[index] = Outcome.COMPLETED if number % 10_000 else Outcome.TIMEOUT
        log.user_s[index], log.system_s[index], log.max_rss_kib[index] = 400, 600, 1800
    return log.trim()


def surroundings() -> Surroundings:
    return Surroundings(
        mode="sweep",
        time_step_s=STEP_NS / 1e9,
        arrivals="fixed",
        seeds=(),
        warmup_s=1.0,
        cores=2,
        timeout_s=60.0,
        versions={},
        generator={},
        host={},
        guards={},
    )


def trial_of(log: LaunchLog) -> Trial:
    """Return a trial whose window holds all launches."""
    end_ns = log.scheduled_ns[-1] + STEP_NS
    return Trial(log, range(len(log)), log.scheduled_ns[0], end_ns, step_ns=float(STEP_NS))


def seconds_of(log: LaunchLog) -> tuple[float, float, int]:
    """Return the seconds of make_result and of json.dumps, and the record's size in bytes."""
    trial = trial_of(log)
    begin_ns = monotonic_ns()
    result = make_result(TARGET, [trial], [verdict(trial)], surroundings())
    made_ns = monotonic_ns()
    text = json.dumps(result.as_json())
    return (made_ns - begin_ns) / 1e9, (monotonic_ns() - made_ns) / 1e9, len(text)


def bytes_per_launch(launches: int) -> float:
    """Return the peak memory of a growing log, divided by its launches."""
    tracemalloc.start()
    log = LaunchLog()
    for number in range(launches):
        log.add(number)
    log.trim()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak_bytes / launches


def raw_of(log: LaunchLog) -> str:
    """Return how long the raw table takes to write, in wall and CPU time, its size and the memory."""
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as place:
        begin_ns, begin_cpu_s = monotonic_ns(), _cpu_s()
        size = write_raw(Path(place), TARGET, [trial_of(log)], "0" * 32).stat().st_size
        took_s, cpu_s = (monotonic_ns() - begin_ns) / 1e9, _cpu_s() - begin_cpu_s
    more_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    return f"raw table {took_s:.2f} s (CPU {cpu_s:.2f} s), {size / 1e6:.0f} MB, {more_mib:.0f} MiB more"


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    launches = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    log = synthetic(launches)
    for _ in range(ROUNDS):
        made_s, dumped_s, size = seconds_of(log)
        print(f"{launches:,} launches: make_result {made_s:.2f} s, dumps {dumped_s:.3f} s, {size:,} bytes")
    print(raw_of(log))
    print(f"peak memory while the log grew: {bytes_per_launch(launches):.0f} bytes per launch (aim: <= 300)")


if __name__ == "__main__":
    main()
