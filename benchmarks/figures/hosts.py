"""Figures of sweeps on many hosts: ``python benchmarks/figures/hosts.py``.

- gaps: the launches of ``local:2`` at 1/512 s against the schedule of one host: by how much they are due at
  other instants, which must be 0, and how late they start;
- coordination: what a load takes beyond its warm-up, window and drain;
- merge: how long 64 simulated hosts' launches take to become one result;
- digests: the same of hosts whose launches are too many to send, and how far their quantiles are off;
- idle: the CPU that two workers take while nothing runs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import islice

import psutil

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.hosts.fleet import Fleet, FleetLoads
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.readiness import Exit
from pytest_unikernel.plan.schedule import fixed
from pytest_unikernel.plan.share import offsets, spread_over
from pytest_unikernel.plan.statistics import QUANTILES
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.digest import LARGEST_ERROR, merged, summary, times_of
from pytest_unikernel.results.fleet import HostTrial, united
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.results.summary import summarize_ordered
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.run.interrupts import Interrupts

TRUE = Target("true", ["/bin/true"], ready=Exit())
STEP = Fraction(1, 512)
HOSTS, LAUNCHES = 64, 1000


def gaps(loads: FleetLoads) -> str:
    plan = LoadPlan(step=STEP, window_s=4.0, hosts="local:2", quiet_host="off", longest_service_s=0.1)
    part = loads.trial(TRUE, plan, 0)
    trial, origin_ns = part.trials[0], part.of_hosts[0].trial.origin_ns
    due = [at - origin_ns for at in trial.log.scheduled_ns[trial.rows.start : trial.rows.stop]]
    whole = list(islice(fixed(STEP), trial.rows.start, trial.rows.stop))
    wrong = max(abs(at - one_host) for at, one_host in zip(due, whole, strict=True))
    late = summarize_ordered(trial.ordered_lateness_ns)
    return (
        f"local:2 at 1/512 s: {len(due)} launches, scheduled instants off by at most {wrong} ns; "
        f"lateness p50 {1e6 * (late.p50 or 0):.0f} us, p99 {1e6 * (late.p99 or 0):.0f} us, "
        f"max {1e3 * (late.max or 0):.2f} ms"
    )


def coordination(loads: FleetLoads) -> str:
    plan = LoadPlan(step=Fraction(1, 8), window_s=1.0, warmup_s=0.5, hosts="local:2", quiet_host="off")
    loads.trial(TRUE, plan, 0)
    begin_s = time.monotonic()
    part = loads.trial(TRUE, plan, 0)
    measured = loads.finished(TRUE, plan, [part])
    spent_s = time.monotonic() - begin_s - measured.result.warmup_s - plan.window_ns / 1e9
    return f"coordination: a load of local:2 takes {spent_s:.2f} s beyond its warm-up and window"


def merge() -> str:
    shares = [_simulated(share) for share in spread_over(HOSTS, "split")]
    begin_ns = monotonic_ns()
    whole = united(shares, float(STEP) * 1e9)
    rows, figures = len(whole.rows), summarize_ordered(whole.ordered_response_ns)
    for share in shares:
        _ = share.figures, share.judged()  # the rows of the hosts
    return (
        f"merge: {HOSTS} hosts of {LAUNCHES} launches, {rows} in all, in "
        f"{(monotonic_ns() - begin_ns) / 1e9:.2f} s (p50 {1e3 * (figures.p50 or 0):.0f} ms)"
    )


def digests() -> str:
    rng = random.Random(7)  # noqa: S311 - made up, and the same each time
    of_hosts = [sorted(int(rng.lognormvariate(17, 1)) for _ in range(LAUNCHES)) for _ in range(HOSTS)]
    parts = [times_of(each) for each in of_hosts]
    begin_ns = monotonic_ns()
    found = summary(merged(parts))
    took_s = (monotonic_ns() - begin_ns) / 1e9
    exact = summarize_ordered(sorted(value for each in of_hosts for value in each))
    off = max(abs((found[name] or 0) / (exact[name] or 1) - 1) for name in QUANTILES)
    return (
        f"digests: those of {HOSTS} hosts in {took_s:.3f} s, quantiles off by {100 * off:.2f} % at most "
        f"(the bound is {100 * LARGEST_ERROR:.2f} %)"
    )


def _simulated(share: object) -> HostTrial:
    log = LaunchLog()
    dues = offsets("fixed", STEP, None, share)  # type: ignore[arg-type]
    for _ in range(LAUNCHES):
        index = log.add(next(dues))
        due_ns = log.scheduled_ns[index]
        log.started_ns[index], log.ready_ns[index], log.exited_ns[index] = (
            due_ns + 1,
            due_ns + 10**7,
            due_ns + 10**7,
        )
        log.outcome[index] = Outcome.COMPLETED
    end_ns = int(HOSTS * LAUNCHES * STEP * 10**9)
    return HostTrial(Trial(log.trim(), range(LAUNCHES), 0, end_ns, float(STEP) * 1e9 * HOSTS), 0)


def idle() -> str:
    mine = psutil.Process()
    workers = [each for each in mine.children(recursive=True) if "spawn_main" in " ".join(each.cmdline())]
    before = [_cpu_s(each) for each in workers]
    time.sleep(20)
    used = [100 * (_cpu_s(each) - was) / 20 for each, was in zip(workers, before, strict=True)]
    return f"idle: workers take {', '.join(f'{percent:.2f} %' for percent in used)} of a CPU"


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    fleet = Fleet("local:2", go_on=False)
    try:
        loads = fleet.loads(Interrupts())
        figures: list[Callable[[], str]] = [
            lambda: gaps(loads),
            lambda: coordination(loads),
            merge,
            digests,
            idle,
        ]
        for figure in figures:
            print(figure(), flush=True)
    finally:
        fleet.close()


if __name__ == "__main__":
    main()
