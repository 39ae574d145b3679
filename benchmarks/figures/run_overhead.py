"""The time that ``pytest-unikernel run -- /bin/true`` takes beside its launches.

python benchmarks/figures/run_overhead.py [--pairs 20]

The time of the launches is that of all 11 (one is not measured) by their mean. With --quiet-host=off the look
at the host before the load is left out: two samples, 0.1 s apart. On a busy host: before
all other work (chrt -f 1), for time-sharing adds the others' turns.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time

from common import alternate, show

LAUNCHES = 11


def added_s(*options: str) -> float:
    """Return the wall time of one run, without that of its launches."""
    argv = [sys.executable, "-m", "pytest_unikernel.commands.main", "run", *options, "--", "/bin/true"]
    begin_s = time.perf_counter()
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    wall_s = time.perf_counter() - begin_s
    row = re.search(r"^true +10 +(.*)$", done.stdout, re.MULTILINE)
    if row is None:
        sys.exit(f"expected a row of figures, got {done.stdout!r}")
    return wall_s - LAUNCHES * float(row[1].split()[2]) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=20)
    pairs = alternate(parser.parse_args().pairs, added_s, lambda: added_s("--quiet-host", "off"))
    names = ("run -- /bin/true", "run --quiet-host off -- /bin/true")
    rows = [
        [name, *(f"{value:.3f}" for value in (statistics.median(side), min(side), max(side)))]
        for name, side in zip(names, zip(*pairs, strict=True), strict=True)
    ]
    show(f"seconds beside the launches, {len(pairs)} pairs", ["", "median", "least", "most"], rows)


if __name__ == "__main__":
    main()
