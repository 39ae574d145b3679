"""The time that importing the plugin adds to ``pytest --collect-only`` of an empty file.

python benchmarks/figures/import_time.py [--pairs 20]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from common import alternate, compared, show


def collect_ms(file: Path, *options: str) -> float:
    """Return the wall time of one collection in a new process."""
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        *options,
        str(file),
    ]
    begin_s = time.perf_counter()
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, cwd=file.parent)
    return 1e3 * (time.perf_counter() - begin_s)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "test_empty.py")
        file.touch()
        pairs = alternate(
            arguments.pairs, partial(collect_ms, file), partial(collect_ms, file, "-p", "no:unikernel")
        )
    row = compared("pytest --collect-only ms", pairs)
    show(f"an empty file, {arguments.pairs} pairs", ["", "with", "without", "ratio", "range"], [row])
    added_ms = statistics.median(one - two for one, two in pairs)
    print(f"\nadded, median of the differences: {added_ms:.1f} ms; target: <= 25 ms")


if __name__ == "__main__":
    main()
