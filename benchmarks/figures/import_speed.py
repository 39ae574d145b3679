"""The duration and the memory of an import of the files of 200,000 launches.

    python benchmarks/figures/import_speed.py [FILES]

The files are made up: thirteen directories, one per time step, of each of the scripts' types, one launch
in fifty failed, with a result file beside each. ``pytest-unikernel import`` runs on them in a process of
its own; CPU time and the largest resident set are those of wait4 for that process. The files have just been
written, so they are in the page cache: the disk's time is not measured.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from common import run_ourselves, show

ROUNDS = 3
AIM_S = 20
BEGIN_NS = 1_598_000_000_000_000_000
STEPS = [4 / 2**number for number in range(13)]
FAILURES = 0.02
Text = Callable[[int, int, int], str]


def linux(start_ns: int, up_ns: int, code: int) -> str:
    ended = "successfully" if not code else f"with error code {code}"
    return (
        f"{start_ns} QEMU initiated\n{up_ns} VM successfully running\n{up_ns + 10**7} QEMU exited {ended}\n"
    )


def rust(start_ns: int, up_ns: int, code: int) -> str:
    return f"{start_ns} QEMU initiated\nHello 42!\n{up_ns} QEMU exited with error code {code or 33}\n"


def docker(start_ns: int, up_ns: int, code: int) -> str:
    ended = "successfully" if not code else f"with error code {code}"
    return f"{start_ns} Docker initiated\n{up_ns} Docker exited {ended}\n"


def process(start_ns: int, up_ns: int, code: int) -> str:
    ended = "successfully" if not code else f"with error code {code}"
    return f"{start_ns} Process initiated\n{up_ns} Hello World!\n{up_ns + 10**6} Process exited {ended}\n"


TYPES: dict[str, Text] = {"linux": linux, "rust": rust, "docker": docker, "process": process}


def write_files(root: Path, files: int) -> None:
    rng = random.Random(1)  # noqa: S311 - reproducible on purpose
    places = [(kind, step) for kind in TYPES for step in STEPS]
    for number, (kind, step) in enumerate(places):
        directory = root / f"{kind}-output-r{step}"
        directory.mkdir()
        count = files * (number + 1) // len(places) - files * number // len(places)
        ids = []
        for launch in range(count):
            start_ns = BEGIN_NS + round(launch * step * 1e9)
            code = 1 if rng.random() < FAILURES else 0
            text = TYPES[kind](start_ns, start_ns + int(rng.lognormvariate(16, 1)), code)
            (directory / f"{kind}-{start_ns}.output").write_text(text, encoding="ascii")
            ids.append(f"{start_ns}\n")
        end_ns = BEGIN_NS + round(count * step * 1e9)
        results = [f"BEGIN BENCHMARK: ID 1 at {BEGIN_NS}\n", *ids, f"END BENCHMARK: ID 1 at {end_ns}\n"]
        (root / f"{kind}-results-r{step}.txt").write_text("".join(results), encoding="ascii")


def measured(root: Path) -> list[str]:
    """Run the command once; return a row: wall s, CPU s, peak MiB, MB written."""
    output = root.parent / "out.json"
    ran = run_ourselves("import", str(root), "-o", str(output), "--force")
    written = output.stat().st_size / 1e6
    return [f"{ran.wall_s:.1f}", f"{ran.cpu_s:.1f}", f"{ran.peak_mib:.0f}", f"{written:.2f}"]


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as name:
        root = Path(name, "old")
        root.mkdir()
        write_files(root, files)
        rows = [measured(root) for _ in range(ROUNDS)]
    show(
        f"{files:,} files of launches; aim for 200,000: <= {AIM_S} s",
        ["wall s", "CPU s", "peak MiB", "MB"],
        rows,
    )


if __name__ == "__main__":
    main()
