"""The error of ``Port()``, against a server that logs its own listen(): run it on an otherwise idle machine.

    python benchmarks/figures/readiness.py [--steps 1/16,1/256] [--delays 0.005,0.1] [--window 4]

Prints, for each time step and delay of the server, how long after its listen() it was seen as ready, the
resolution that the record gives, and the generator's CPU time. PYTHONPATH=TREE measures another version.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import statistics
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from common import compile_c, show

from pytest_unikernel import Port, Target
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.results.result import LoadResult
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session


def errors_us(raw: Path, listened: Path) -> list[float]:
    """Return how long after its listen() each completed instance of the window was seen as ready.

    On a busy machine some are killed before they have said when that was.
    """
    at_ns = dict(line.split() for line in listened.read_text().splitlines())
    return sorted(
        (int(row["ready_at_ns"]) - int(at_ns[row["instance"]])) / 1e3
        for file in raw.glob("*.csv.gz")
        for row in csv.DictReader(gzip.open(file, "rt", newline=""))
        if row["in_window"] == "1" and row["outcome"] == "completed" and row["instance"] in at_ns
    )


def measured(program: Path, step: str, delay_s: float, window_s: float) -> tuple[LoadResult, list[float]]:
    """Run a load of servers; return its result and the errors."""
    session = Session()
    try:
        with tempfile.TemporaryDirectory() as name:
            raw = Path(name, "raw")
            raw.mkdir()
            listened = Path(name, "listened")
            argv = [str(program), "{port}", str(round(1e6 * delay_s)), str(listened)]
            target = Target("listener", argv, ready=Port(), long_lived=True, memory_bytes=1 << 20)
            plan = LoadPlan(
                step=Fraction(step), warmup_s=0.5, window_s=window_s, drain_timeout_s=20.0, raw=raw
            )
            result = Loads(session, Quiescence(session.sample)).sweep(target, plan).result
            return result, errors_us(raw, listened)
    finally:
        session.close()


def rows(arguments: argparse.Namespace, program: Path) -> Iterator[list[str]]:
    """Yield a row of the table for each load."""
    for step in arguments.steps.split(","):
        for delay_s in map(float, arguments.delays.split(",")):
            result, errors = measured(program, step, delay_s, arguments.window)
            resolution_s = result.generator.get("ready_resolution_s")
            cuts = statistics.quantiles(errors, n=100)
            yield [
                step,
                f"{1e3 * delay_s:g}",
                str(len(errors)),
                *(f"{cuts[place]:.0f}" for place in (49, 89, 98)),
                "-" if resolution_s is None else f"{1e6 * resolution_s:.0f}",
                f"{1e6 * (result.generator['cpu_s_per_launch'] or 0):.0f}",
                result.verdict,
            ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", default="1/16,1/256")
    parser.add_argument("--delays", default="0.005,0.1", help="seconds until a server listens")
    parser.add_argument("--window", type=float, default=4.0, help="seconds per load (default: 4)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        program = compile_c("listener", Path(name))
        heads = [
            "step s",
            "delay ms",
            "n",
            "error p50 µs",
            "p90",
            "p99",
            "resolution",
            "CPU/launch",
            "verdict",
        ]
        show("Port() against the server's own listen()", heads, list(rows(arguments, program)))


if __name__ == "__main__":
    main()
