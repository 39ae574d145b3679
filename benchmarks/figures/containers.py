"""Containers against the same commands bare, in alternation; the API against the command line; overload.

    python benchmarks/figures/containers.py [--pairs 10] [--overload-s 20]

Needs a Docker engine that runs, and runc.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from common import alternate, compared, show

from pytest_unikernel.build.container_image import hello_image
from pytest_unikernel.build.oci_bundle import hello_rootfs, write_bundle
from pytest_unikernel.knee import find_knee
from pytest_unikernel.load import LoadOptions, Loads
from pytest_unikernel.plan import LoadPlan
from pytest_unikernel.quiescence import Quiescence
from pytest_unikernel.session import Session
from pytest_unikernel.target import Target
from pytest_unikernel.targets.docker import docker_container
from pytest_unikernel.targets.oci import oci_container

COLD = 5  # launches of each in a pair
MANY = 30  # for what a load costs by itself to be little beside them
STEPS = (1, 2, 4, 8, 16)  # launches per second, to find the knee
OVERLOAD = 4  # times the knee
_numbers = itertools.count(1)


def prepared(target: Target) -> Target:
    """Return the target when all it needs is there; end if it can't run here."""
    if target.probe is not None and (why := target.probe()):
        sys.exit(f"containers.py: {target.full_name}: {why}")
    return target


def cold(loads: Loads, target: Target, launches: int = COLD) -> dict[str, Any]:
    """Return the record of a few cold starts."""
    record = loads.cold(target, launches, {}).result.as_json()
    if record["completed"] != launches:
        sys.exit(f"containers.py: {target.full_name} failed: {record['failures'][:1]}")
    return record


def ours_ms(loads: Loads, target: Target) -> float:
    """Return a cold start's median."""
    return 1e3 * float(cold(loads, target)["service_time_s"]["p50"])


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
    return loads.sweep(target, plan, {}).result.as_json()


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--overload-s", type=float, default=20.0, help="0 leaves the overload out")
    arguments = parser.parse_args()
    cli, api = prepared(docker_container(network="none")), docker_container(network="none", via="api")
    runc = prepared(oci_container())
    session = Session()
    with tempfile.TemporaryDirectory() as place:
        bundle = write_bundle(Path(place) / "bundle", hello_rootfs(), ["/hello"], {})
        loads = Loads(session, LoadOptions(), Quiescence(session.sample))
        ms = partial(ours_ms, loads)
        docker = ["docker", "run", "--rm", "--network", "none", hello_image().tag]
        bare_runc = lambda: ["runc", "run", "--bundle", str(bundle), f"figure-{next(_numbers)}"]  # noqa: E731
        try:
            rows = [
                compared(
                    "docker_container, `docker run --rm` bare: ms",
                    alternate(arguments.pairs, partial(ms, cli), lambda: bare_ms(lambda: docker)),
                ),
                compared(
                    "docker_container[api], docker_container: ms",
                    alternate(arguments.pairs, partial(ms, prepared(api)), partial(ms, cli)),
                ),
                compared(
                    "oci_container, `runc run` bare: ms",
                    alternate(arguments.pairs, partial(ms, runc), lambda: bare_ms(bare_runc)),
                ),
            ]
            own_ms = 1e3 * cold(loads, cli, MANY)["generator"]["cpu_s_per_launch"]
            crowd = [overloaded(loads, cli, arguments.overload_s)] if arguments.overload_s else []
        finally:
            session.close()
    show(f"medians of {arguments.pairs} pairs", ["", "first", "second", "ratio", "range"], rows)
    print("\ntargets: <= 1.03, <= 0.92, <= 1.05")
    print(f"the generator's own CPU per docker launch: {own_ms:.2f} ms; target: <= 2")
    if crowd:
        heads = ["knee /s", "offered /s", "verdict", "started", "dropped", "most in flight", "least memory"]
        show(f"overload of {OVERLOAD} x the knee for {arguments.overload_s:g} s", heads, crowd)


if __name__ == "__main__":
    main()
