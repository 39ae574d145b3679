"""How often a comparison takes the host's speed for the target's, and the target's for the host's: simulated.

    python benchmarks/figures/host_speed.py [--pairs 400] [--drift 0.1] [--as-measured]

Each pair is two runs of five steps with five trials, compared as ``pytest-unikernel compare`` does. A trial's
host has a speed of its own, on a logarithmic scale normal with ``--drift``; in the later run it is slower by
another 27 % where the row says so. A start of a process takes as long as the host is slow, a response time
that to the power of the target's sensitivity: 0 is a sleep, 1 is bound to the CPU. Both scatter by 3 %,
p90 by 5 %, p99 by 10 %.

- Without a change: the share of pairs in which p50, or any of p50, p90 and p99, of any step is called worse.
- With one: the share of changed steps of which that is called worse, and the change of p50 that counts, its
  median and its lowest twentieth.

Seeded: equal versions give equal figures.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

from common import show

from pytest_unikernel.compare.judging import compare
from pytest_unikernel.compare.sides import Side
from pytest_unikernel.results.comparison import LATENCIES, Comparison, Step

STEPS_S, TRIALS = (1.0, 0.5, 0.25, 0.125, 0.0625), 5
SLOWER = 1.27
P50_S, SPAWN_S = 0.02, 0.0003
SCATTER = {"p50": 0.03, "p90": 0.05, "p99": 0.10}
SPAWN_SCATTER = 0.03
P50 = ("p50",)


class Case(NamedTuple):
    """A row: a host, a target and a change of it."""

    sensitivity: float
    host: float
    change: float
    steps: Sequence[float]


ALL, ONE = STEPS_S, STEPS_S[2:3]
CHANGES = ((1.0, ()), (1.1, ONE), (1.1, ALL), (1.27, ONE), (1.27, ALL))
CASES = [Case(each, host, *change) for each, host, change in product((0.0, 0.5, 1.0), (1.0, SLOWER), CHANGES)]


def side(rng: random.Random, step_s: float, case: Case, drift: float) -> Side:
    """Return a step's trials in the later run."""
    rows = []
    p50_s = P50_S * (case.change if step_s in case.steps else 1.0)
    for _ in range(TRIALS):
        slow = case.host * scattered(rng, drift)
        typical_s = p50_s * slow**case.sensitivity
        times = {name: typical_s * scattered(rng, each) for name, each in SCATTER.items()}
        rows.append(row(step_s, times, SPAWN_S * slow * scattered(rng, SPAWN_SCATTER)))
    return Side(f"test_it.py::test_it[{step_s}s]", [record(step_s, rows)])


def scattered(rng: random.Random, deviation: float) -> float:
    return rng.lognormvariate(0, deviation)


def row(step_s: float, times: dict[str, float], spawn_s: float) -> dict[str, Any]:
    return {
        "throughput_hz": 1 / step_s,
        "failure_rate": 0.0,
        "completed": 2000,
        "verdict": "ok",
        "spawn_s": spawn_s,
        **times,
    }


def record(step_s: float, rows: list[dict[str, Any]]) -> dict[str, Any]:
    summary = {
        "n": 10_000,
        "censored": 0,
        "mean": P50_S,
        **{key: statistics.median(each[key] for each in rows) for key in LATENCIES},
    }
    return {
        "target": "simulated",
        "variant": {},
        "ready": "exit",
        "mode": "sweep",
        "arrivals": "fixed",
        "time_step_s": step_s,
        "window_s": 4.0,
        "throughput_hz": 1 / step_s,
        "throughput_per_core_hz": None,
        "scheduled": 10_000,
        "completed": 10_000,
        "verdict": "ok",
        "interrupted": False,
        "per_trial": rows,
        "response_time_s": summary,
        "settings": {},
    }


def compared(rng: random.Random, case: Case, drift: float, *, same_host: bool) -> Comparison:
    """Return the comparison of a pair of runs."""
    earlier = Case(case.sensitivity, 1.0, 1.0, ())
    old, new = ([side(rng, step_s, each, drift) for step_s in STEPS_S] for each in (earlier, case))
    was, now = ({each.fullname: each for each in sides} for sides in (old, new))
    return compare(was, now, same_host=same_host)


def cells(case: Case, pairs: int, drift: float, *, same_host: bool) -> list[str]:
    """Return a row of the table."""
    rng = random.Random(20201)  # noqa: S311 - reproducible on purpose
    found = [compared(rng, case, drift, same_host=same_host).series[0].steps for _ in range(pairs)]
    head = [f"{case.sensitivity:g}", percent(case.host - 1)]
    if not case.steps:
        alarms = [[any(is_worse(step, names) for step in one) for one in found] for names in (P50, LATENCIES)]
        return [*head, "none", *(percent(statistics.fmean(each)) for each in alarms), "", ""]
    changed = [step for one in found for step in one if step.step_s in case.steps]
    told = sorted(each.change or 0.0 for step in changed for each in step.changes if each.metric in P50)
    shares = [statistics.fmean(is_worse(step, names) for step in changed) for names in (P50, LATENCIES)]
    which = f"{percent(case.change - 1)} at {len(case.steps)} of {len(STEPS_S)}"
    return [*head, which, *map(percent, [*shares, statistics.median(told), told[len(told) // 20]])]


def is_worse(step: Step, metrics: Sequence[str]) -> bool:
    return any(each.judgement == "worse" for each in step.changes if each.metric in metrics)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--drift", type=float, default=0.1, help="of the host between trials of one run")
    parser.add_argument("--as-measured", action="store_true")
    arguments = parser.parse_args()
    same_host = not arguments.as_measured
    heads = ["sensitivity", "host slower by", "change", "p50 worse", "any worse", "p50 told", "lowest"]
    rows = [cells(case, arguments.pairs, arguments.drift, same_host=same_host) for case in CASES]
    how = "without what goes with the host's speed" if same_host else "as measured"
    show(f"{arguments.pairs} pairs of 5 + 5 trials, drift {percent(arguments.drift)}, {how}", heads, rows)


if __name__ == "__main__":
    main()
