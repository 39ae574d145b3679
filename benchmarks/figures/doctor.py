"""The duration of ``pytest-unikernel doctor``, in a process of its own; only probes boot anything.

python benchmarks/figures/doctor.py [--runs 10]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

from common import show

from pytest_unikernel.clock import monotonic_ns

AIM_S = 2.0


def doctor_s() -> float:
    """Return the wall time of one run."""
    argv = [sys.executable, "-m", "pytest_unikernel.commands.main", "doctor"]
    begin_ns = monotonic_ns()
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return (monotonic_ns() - begin_ns) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    load1 = os.getloadavg()[0]
    took = sorted(doctor_s() for _ in range(runs))
    figures = [f"{value:.2f}" for value in (took[0], statistics.median(took), took[-1])]
    title = f"doctor, {runs} runs, load average {load1:.1f} before"
    show(title, ["least s", "median s", "most s"], [figures])
    print(f"\naim: <= {AIM_S:g} s")


if __name__ == "__main__":
    main()
