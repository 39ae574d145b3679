"""Containers against the same commands bare, in alternation; the API against the command line; overload.

    python benchmarks/figures/containers.py [--pairs 10] [--own 5] [--overload-s 20]

Needs a Docker engine that runs, and runc.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from common import alternate, compared, show
from inside import cold, prepared

from pytest_unikernel.guests.build.container_image import hello_image
from pytest_unikernel.guests.build.oci_bundle import hello_rootfs, write_bundle
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.knee import find_knee
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.containers.docker import VIAS, docker_container
from pytest_unikernel.targets.containers.oci import oci_container

COLD = 5  # launches of each in a pair
MANY = 30  # for what a load costs by itself to be little beside them
OWN = """
Own is the process that launches, with all its threads: what it spawns with, waits with and reads. Not the
clients that it starts (docker run, docker rm, docker events), nor the reaper and the monitor, nor the engine.
Target: <= 2 ms by the command line."""
STEPS = (1, 2, 4, 8, 16)  # launches per second, to find the knee
OVERLOAD = 4  # times the knee
_numbers = itertools.count(1)


def ours_ms(loads: Loads, target: Target) -> float:
    """Return a cold start's median."""
    return 1e3 * float(cold(loads, target, COLD)["service_time_s"]["p50"])


def own_ms(loads: Loads, target: Target) -> float:
    """Return the CPU time that a launch takes of this process."""
    return 1e3 * float(cold(loads, target, MANY)["generator"]["cpu_s_per_launch"])


def bare_ms(argv: Callable[[], list[str]]) -> float:
    """Return the median of as many runs of a command, one after the other, the first not counted."""
    times = []
    for _ in range(COLD + 1):
        words = argv()
        begin_s = time.perf_counter()
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        times.append(1e3 * (time.perf_counter() - begin_s))
    return sorted(times[1:])[COLD // 2]


def sweep(loads: Loads, target: Target, rate_hz: Fraction, window_s: float) -> dict[str, Any]:
    """Return the record of one step."""
    plan = LoadPlan(step=1 / rate_hz, warmup_s=1, window_s=window_s, drain_timeout_s=60)
    return loads.sweep(target, plan).result.as_json()


def overloaded(loads: Loads, target: Target, window_s: float) -> list[str]:
    """Find the fastest rate that is ok, then load with four times that."""
    records = []
    for rate in STEPS:
        records.append(sweep(loads, target, Fraction(rate), 5))
        if records[-1]["verdict"] != "ok":
            break
    knee_hz = find_knee(records).fastest_ok_hz or STEPS[0]
    record = sweep(loads, target, Fraction(OVERLOAD * round(knee_hz)), window_s)
    memory = record["host"]["memory_available_min_bytes"] / total_bytes()
    counts = [str(record[key]) for key in ("verdict", "started", "dropped", "in_flight_max")]
    return [f"{knee_hz:g}", f"{record['offered_rate_hz']:g}", *counts, f"{100 * memory:.0f} %"]


def total_bytes() -> int:
    """Return the machine's memory."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    return 1024 * int(next(line.split()[1] for line in text.splitlines() if line.startswith("MemTotal")))


def cold_rows(
    pairs: int, loads: Loads, targets: tuple[Target, Target, Target], bundle: Path
) -> list[list[str]]:
    """Return the rows of cold starts: by the command line, by the API, by runc."""
    cli, api, runc = (partial(ours_ms, loads, target) for target in targets)
    docker = ["docker", "run", "--rm", "--network", "none", hello_image().tag]
    bare_runc = lambda: ["runc", "run", "--bundle", str(bundle), f"figure-{next(_numbers)}"]  # noqa: E731
    return [
        compared(name, alternate(pairs, first, second))
        for name, first, second in (
            ("docker_container, `docker run --rm` bare: ms", cli, lambda: bare_ms(lambda: docker)),
            ("docker_container[api], docker_container: ms", api, cli),
            ("oci_container, `runc run` bare: ms", runc, lambda: bare_ms(bare_runc)),
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10, help="0 leaves the cold starts out")
    parser.add_argument("--own", type=int, default=5, help="pairs of loads for our own CPU time; 0: none")
    parser.add_argument("--overload-s", type=float, default=20.0, help="0 leaves the overload out")
    arguments = parser.parse_args()
    cli, api = (prepared(docker_container(network="none", via=via)) for via in VIAS)
    runc = prepared(oci_container())
    session = Session()
    with tempfile.TemporaryDirectory() as place:
        bundle = write_bundle(Path(place) / "bundle", hello_rootfs(), ["/hello"], {})
        loads = Loads(session, Quiescence(session.sample))
        try:
            rows = cold_rows(arguments.pairs, loads, (cli, api, runc), bundle) if arguments.pairs else []
            own = alternate(arguments.own, partial(own_ms, loads, cli), partial(own_ms, loads, api))
            crowd = [overloaded(loads, cli, arguments.overload_s)] if arguments.overload_s else []
        finally:
            session.close()
    heads = ["", "first", "second", "ratio", "range"]
    if rows:
        show(f"medians of {arguments.pairs} pairs", heads, rows)
        print("\ntargets: <= 1.03, <= 0.92, <= 1.05")
    if own:
        row = compared("docker_container, docker_container[api]: ms", own)
        show(
            f"own CPU time per launch, medians of {arguments.own} pairs of {MANY + 1} launches", heads, [row]
        )
        print(OWN)
    if crowd:
        heads = ["knee /s", "offered /s", "verdict", "started", "dropped", "most in flight", "least memory"]
        show(f"overload of {OVERLOAD} x the knee for {arguments.overload_s:g} s", heads, crowd)


if __name__ == "__main__":
    main()
