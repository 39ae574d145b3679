"""The generator against the same loop in C, in alternation: run it on a machine that is otherwise idle.

    python benchmarks/figures/generator.py [--pairs 10] [--window 3]

Both start a static program that exits at once, with the same system calls, with and without real-time
priority (the C loop's --fifo). Prints medians over the pairs, the median of the pairs' ratios, and the targets.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

HERE = Path(__file__).parent
Figures = Mapping[str, float]
COMPILE = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
BARE = ("-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector")
WARMUP_S = 0.5


def compile_c(name: str, directory: Path, *flags: str) -> Path:
    """Compile one of the C programs beside this file."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("generator.py: no C compiler on PATH; apt-get install gcc libc6-dev")
    binary = directory / name
    subprocess.run([compiler, *COMPILE, *flags, "-o", str(binary), str(HERE / f"{name}.c")], check=True)
    return binary


def run_json(argv: list[str]) -> dict[str, Any]:
    """Run a program that prints one JSON object."""
    done = subprocess.run(argv, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def ours(step: str, window_s: float, program: Path, *, realtime: bool) -> Figures:
    """Return our generator's figures."""
    script = str(HERE / "ours.py")
    record = run_json([sys.executable, script, step, str(window_s), "on" if realtime else "off", str(program)])
    return {
        "achieved": record["achieved_rate_hz"] / record["offered_rate_hz"],
        "lateness p50 µs": 1e6 * record["lateness_s"]["p50"],
        "lateness p99 µs": 1e6 * record["lateness_s"]["p99"],
        "service p50 µs": 1e6 * record["service_time_s"]["p50"],
        "cpu per launch µs": 1e6 * record["generator"]["cpu_s_per_launch"],
    }


def reference(step: str, window_s: float, program: Path, loop: Path, *, realtime: bool) -> Figures:
    """Return the C loop's figures."""
    numerator, _, denominator = step.partition("/")
    launches = round((WARMUP_S + window_s) * int(denominator or 1) / int(numerator))
    record = run_json([str(loop), *(["--fifo"] if realtime else []), step, str(launches), str(program)])
    return {
        "achieved": record["achieved_rate_hz"] * int(numerator) / int(denominator or 1),
        "lateness p50 µs": 1e6 * record["lateness_s"]["p50"],
        "lateness p99 µs": 1e6 * record["lateness_s"]["p99"],
        "service p50 µs": 1e6 * record["service_time_s"]["p50"],
        "cpu per launch µs": 1e6 * record["cpu_s_per_launch"],
    }


def alternate(pairs: int, first: Callable[[], Figures], second: Callable[[], Figures]) -> list[tuple[Figures, Figures]]:
    """Run both, again and again, each going first half of the time."""
    done = []
    for number in range(pairs):
        one, other = (first, second) if number % 2 == 0 else (second, first)
        left, right = one(), other()
        done.append((left, right) if number % 2 == 0 else (right, left))
    return done


def rows(pairs: list[tuple[Figures, Figures]]) -> list[list[str]]:
    """Return a row per figure: our median, C's, the median of the pairs' ratios and their range."""
    table = []
    for name in pairs[0][0]:
        ratios = sorted(left[name] / right[name] for left, right in pairs)
        mine = statistics.median(left[name] for left, _ in pairs)
        its = statistics.median(right[name] for _, right in pairs)
        spread = f"{ratios[0]:.2f}-{ratios[-1]:.2f}"
        table.append([name, f"{mine:.4g}", f"{its:.4g}", f"{statistics.median(ratios):.2f}", spread])
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
                pairs = alternate(
                    arguments.pairs,
                    lambda: ours(step, arguments.window, program, realtime=realtime == "on"),
                    lambda: reference(step, arguments.window, program, loop, realtime=realtime == "on"),
                )
                print(f"\ntime step {step} s, real-time priority {realtime}, {arguments.pairs} pairs")
                print(tabulate(rows(pairs), headers=["", "ours", "C", "ratio", "range"], disable_numparse=True))
    print(
        "\ntargets: achieved >= 0.999 at 1/1024 s, >= 0.99 at 1/2048 s; lateness p50 <= 60 µs, p99 <= 1 ms"
        "\n(<= 100 µs with real-time priority); service p50 <= 1.10 x C; CPU per launch <= 1.6 x C"
    )


if __name__ == "__main__":
    main()
