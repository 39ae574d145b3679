"""An independent witness: the launched program writes down its own start; rate and gaps must agree with ours.

    python benchmarks/figures/witness.py [--step 1/512] [--window 4]

The program stamps CLOCK_MONOTONIC as its first act. Its stamps lag ours by the time posix_spawn and exec
take, so rates and gaps are compared, not instants.
"""

from __future__ import annotations

import argparse
import array
import csv
import gzip
import statistics
import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from common import BARE, compile_c, show

from pytest_unikernel import Target
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session


def measure(step: Fraction, window_s: float, directory: Path) -> tuple[list[int], list[int]]:
    """Return our instants of the starts and the witness's, in order."""
    program, stamps = compile_c("stamp", directory, *BARE), directory / "stamps"
    session = Session()
    try:
        loads = Loads(session, Quiescence(session.sample))
        plan = LoadPlan(step, 0.5, window_s=window_s, raw=directory)
        loads.sweep(Target("stamp", [str(program), str(stamps)]), plan)
    finally:
        session.close()
    witnessed = array.array("Q", stamps.read_bytes())
    with gzip.open(next(directory.glob("*.csv.gz")), "rt", encoding="ascii") as rows:
        ours = [int(row["started_at_ns"]) for row in csv.DictReader(rows)]
    return sorted(ours), sorted(witnessed)


def rate_hz(instants_ns: list[int]) -> float:
    """Return the mean rate between the first and the last instant."""
    return (len(instants_ns) - 1) * 1e9 / (instants_ns[-1] - instants_ns[0])


def gap_ns(instants_ns: list[int]) -> float:
    """Return the median gap."""
    return statistics.median(later - earlier for earlier, later in pairwise(instants_ns))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--step", type=Fraction, default=Fraction(1, 512))
    parser.add_argument("--window", type=float, default=4.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        ours, witnessed = measure(arguments.step, arguments.window, Path(name))
    rows = [["starts", str(len(ours)), str(len(witnessed)), "" if len(ours) == len(witnessed) else "differ"]]
    for label, of, unit in (("rate /s", rate_hz, 1.0), ("median gap µs", gap_ns, 1e-3)):
        mine, its = of(ours) * unit, of(witnessed) * unit
        rows.append([label, f"{mine:.3f}", f"{its:.3f}", f"{100 * (mine / its - 1):+.3f} %"])
    show("our record and the program's own stamps", ["", "ours", "witness", "difference"], rows)
    print("\ntarget: within 0.5 %")


if __name__ == "__main__":
    main()
