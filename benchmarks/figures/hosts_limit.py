"""Two generators beside one, and a load beside an idle worker: run it on a machine that is otherwise idle.

    python benchmarks/figures/hosts_limit.py [--turns 5] [--pairs 10] [--steps 1/2048,1/4096]

- limits: achieved / offered and lateness p99 of a static program that exits at once: the C loop, two C loops
  in processes of their own at half the rate each (the later of the two), one generator, and ``local:2``;
  medians of the turns;
- idle worker: lateness at 1/512 s with a worker that waits beside the generator against without, in pairs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median

from common import BARE, alternate, compared, compile_c, run_ours, show

from pytest_unikernel.hosts.cluster import connected
from pytest_unikernel.hosts.fleet import Fleet, FleetLoads
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.interrupts import Interrupts

WARMUP_S, WINDOW_S = 0.5, 3.0
LATENESS_STEP = "1/512"
Found = tuple[float, float]  # achieved / offered, lateness p99 in ms


def c_loops(program: Path, loop: Path, step: Fraction, count: int) -> Found:
    """Return the figures of so many C loops at once, each at its share of the rate."""
    launches = round((WARMUP_S + WINDOW_S) / step / count)
    argv = [str(loop), str(step * count), str(launches), str(program)]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(count)]
    outputs = [each.communicate()[0] for each in running]
    if any(each.returncode for each in running):
        sys.exit(f"{argv} failed")
    records = [json.loads(output) for output in outputs]
    late_s = max(record["lateness_s"]["p99"] for record in records)
    return float(sum(record["achieved_rate_hz"] for record in records) * step), 1e3 * late_s


def one_generator(program: Path, step: Fraction) -> Found:
    """Return the figures of one generator."""
    record = run_ours(str(step), WINDOW_S, [str(program)], "--warmup", str(WARMUP_S))
    achieved = record["achieved_rate_hz"] / record["offered_rate_hz"]
    return float(achieved), 1e3 * record["lateness_s"]["p99"]


def two_generators(loads: FleetLoads, program: Path, step: Fraction) -> Found:
    """Return the figures of ``local:2``."""
    target = Target("program", [str(program)], memory_bytes=1 << 20)
    plan = LoadPlan(
        step=step,
        warmup_s=WARMUP_S,
        window_s=WINDOW_S,
        hosts="local:2",
        quiet_host="off",
        realtime="off",
        longest_service_s=0.05,
    )
    result = loads.finished(target, plan, [loads.trial(target, plan, 0)]).result
    late_s = result.as_json()["lateness_s"]["p99"]
    return float((result.achieved_rate_hz or 0.0) * step), 1e3 * late_s


def limits(turns: int, steps: Sequence[Fraction], program: Path, loop: Path) -> None:
    fleet = Fleet("local:2", go_on=False)
    rows = []
    try:
        loads = fleet.loads(Interrupts())
        for step in steps:
            ways: Mapping[str, Callable[[], Found]] = {
                "C loop": lambda step=step: c_loops(program, loop, step, 1),  # type: ignore[misc]
                "two C loops": lambda step=step: c_loops(program, loop, step, 2),  # type: ignore[misc]
                "one generator": lambda step=step: one_generator(program, step),  # type: ignore[misc]
                "local:2": lambda step=step: two_generators(loads, program, step),  # type: ignore[misc]
            }
            found: dict[str, list[Found]] = {name: [] for name in ways}
            for _ in range(turns):
                for name, way in ways.items():
                    found[name].append(way())
            rows += [
                [f"{step} s", name, f"{median(achieved):.3f}", f"{median(late):.2f}", f"{max(late):.2f}"]
                for name, each in found.items()
                for achieved, late in [tuple(zip(*each, strict=True))]
            ]
    finally:
        fleet.close()
    show(f"medians of {turns} turns", ["step", "", "achieved / offered", "lateness p99 ms", "largest"], rows)


@contextlib.contextmanager
def idle_worker() -> Iterator[None]:
    with connected("local:1"):
        yield


def beside(program: Path) -> float:
    with idle_worker():
        return alone(program)


def alone(program: Path) -> float:
    record = run_ours(LATENESS_STEP, WINDOW_S, [str(program)], "--warmup", str(WARMUP_S))
    return 1e6 * float(record["lateness_s"]["p99"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--steps", default="1/2048,1/4096")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        program = compile_c("noop", Path(name), *BARE)
        loop = compile_c("reference_loop", Path(name))
        limits(arguments.turns, [Fraction(step) for step in arguments.steps.split(",")], program, loop)
        pairs = alternate(arguments.pairs, lambda: beside(program), lambda: alone(program))
        rows = [compared("lateness p99 µs", pairs)]
        title = f"{LATENESS_STEP} s, {arguments.pairs} pairs"
        show(title, ["", "worker beside", "without", "ratio", "range"], rows)


if __name__ == "__main__":
    main()
