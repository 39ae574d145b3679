"""The generator against the same loop in C, in alternation: run it on a machine that is otherwise idle.

    python benchmarks/figures/generator.py [--pairs 10] [--window 3]

Both start a static program that exits at once, with the same system calls, without and with real-time
priority (the C loop's --fifo). Prints medians, the median of the pairs' ratios, and the targets.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from common import BARE, alternate, compared, compile_c, run_json, run_ours, show

Figures = Mapping[str, float]
WARMUP_S = 0.5


def figures(record: Mapping[str, Any], achieved: float, cpu_s_per_launch: float) -> Figures:
    """Return the compared figures, from either side's record."""
    return {
        "achieved / offered": achieved,
        "lateness p50 µs": 1e6 * record["lateness_s"]["p50"],
        "lateness p99 µs": 1e6 * record["lateness_s"]["p99"],
        "service p50 µs": 1e6 * record["service_time_s"]["p50"],
        "CPU per launch µs": 1e6 * cpu_s_per_launch,
    }


def ours(step: str, window_s: float, program: Path, realtime: str) -> Figures:
    """Return our generator's figures."""
    record = run_ours(step, window_s, [str(program)], "--realtime", realtime, "--warmup", str(WARMUP_S))
    achieved = record["achieved_rate_hz"] / record["offered_rate_hz"]
    return figures(record, achieved, record["generator"]["cpu_s_per_launch"])


def reference(step: str, window_s: float, program: Path, realtime: str, loop: Path) -> Figures:
    """Return the C loop's figures."""
    numerator, _, denominator = step.partition("/")
    step_s = int(numerator) / int(denominator or 1)
    launches = round((WARMUP_S + window_s) / step_s)
    options = ["--fifo"] if realtime == "on" else []
    record = run_json([str(loop), *options, step, str(launches), str(program)])
    return figures(record, record["achieved_rate_hz"] * step_s, record["cpu_s_per_launch"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--window", type=float, default=3.0, help="seconds per run (default: 3)")
    parser.add_argument("--steps", default="1/1024,1/2048")
    parser.add_argument("--realtime", default="off,on")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        program = compile_c("noop", Path(name), *BARE)
        loop = compile_c("reference_loop", Path(name))
        for step in arguments.steps.split(","):
            for realtime in arguments.realtime.split(","):
                mine = partial(ours, step, arguments.window, program, realtime)
                its = partial(reference, step, arguments.window, program, realtime, loop)
                pairs = alternate(arguments.pairs, mine, its)
                rows = [compared(key, [(one[key], two[key]) for one, two in pairs]) for key in pairs[0][0]]
                title = f"time step {step} s, real-time priority {realtime}, {arguments.pairs} pairs"
                show(title, ["", "ours", "C", "ratio", "range"], rows)
    print(
        "\ntargets: achieved >= 0.999 at 1/1024 s, >= 0.99 at 1/2048 s; lateness p50 <= 60 µs, p99 <= 1 ms"
        "\n(<= 100 µs with real-time priority); service p50 <= 1.10 x C; CPU per launch <= 1.6 x C"
    )


if __name__ == "__main__":
    main()
