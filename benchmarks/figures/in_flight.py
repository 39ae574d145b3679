"""The generator's cost per launch with few and with 2,000 instances in flight, in alternation.

    python benchmarks/figures/in_flight.py [--pairs 10]

The instances sleep for 1 ms or for 4 s, at 500 launches per second: the same work but for those in flight.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from common import alternate, compared, run_ours, show

STEP, RATE_HZ = "1/500", 500


def load(nap_s: float, realtime: str) -> dict[str, Any]:
    """Return the record of a load whose instances sleep; the warm-up is long enough to fill up."""
    return run_ours(STEP, 4.0, ["sleep", str(nap_s)], "--realtime", realtime, "--warmup", str(nap_s + 0.5))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--realtime", choices=["on", "off"], default="off")
    arguments = parser.parse_args()
    pairs = alternate(
        arguments.pairs,
        partial(load, 2000 / RATE_HZ, arguments.realtime),
        partial(load, 0.001, arguments.realtime),
    )
    cpu = [tuple(1e6 * side["generator"]["cpu_s_per_launch"] for side in pair) for pair in pairs]
    spawn = [tuple(1e6 * side["generator"]["spawn_s"] for side in pair) for pair in pairs]
    late = [tuple(1e6 * side["lateness_s"]["p50"] for side in pair) for pair in pairs]
    most = [tuple(float(side["in_flight_max"]) for side in pair) for pair in pairs]
    rows = [
        compared("in flight, most", [(one, two) for one, two in most]),
        compared("CPU per launch µs", [(one, two) for one, two in cpu]),
        compared("posix_spawn p50 µs", [(one, two) for one, two in spawn]),
        compared("lateness p50 µs", [(one, two) for one, two in late]),
    ]
    show(f"many and few in flight, {arguments.pairs} pairs", ["", "many", "few", "ratio", "range"], rows)
    print("\ntarget: CPU per launch within 15 %")


if __name__ == "__main__":
    main()
