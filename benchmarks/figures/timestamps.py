"""The time and the memory to read and summarise urunc's log of 1,000,000 stamps.

    python benchmarks/figures/timestamps.py [LINES]

The log is made up: lives of 19 stamps with names, as of 0.7, four containers at a time. ``pytest-unikernel
timestamps`` runs on it in a process of its own; CPU time and the largest resident set are what wait4 says of
that process. Then the cost of following a growing log: CPU time per launch of 19 stamps, read as they come.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from common import run_ourselves, show

from pytest_unikernel.targets.urunc.log.lives import Lives
from pytest_unikernel.targets.urunc.log.reader import LogReader
from pytest_unikernel.targets.urunc.log.releases import FROM_0_7

# As usual: create and reexec run side by side, so ids are out of order in time.
ORDER = (0, 1, 2, 3, 6, 7, 8, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
AT_ONCE = 4
ROUNDS = 3
LAUNCHES = 5_000
AIM_S, AIM_MIB, AIM_US = 6, 300, 100


def lives(rng: random.Random) -> Iterator[list[str]]:
    """Yield, for ever, the lines of some containers that run at once."""
    at_ns = 1_795_293_326_757_458_442
    stamps = [(f"TS{number:02}", FROM_0_7.stamps[f"TS{number:02}"].name, number) for number in ORDER]
    while True:
        names = [f"{rng.getrandbits(256):064x}" for _ in range(AT_ONCE)]
        lines = []
        for stamp_id, name, order in stamps:
            for container in names:
                at_ns += int(rng.lognormvariate(12, 1))
                lines.append(
                    f'{{"containerID":"{container}","timestampID":"{stamp_id}","timestampName":"{name}",'
                    f'"timestampOrder":{order},"time":{at_ns}}}\n'
                )
        yield lines


def write_log(path: Path, lines: int) -> None:
    made = lives(random.Random(1))  # noqa: S311 - reproducible on purpose
    left = lines
    with path.open("w", encoding="ascii") as stream:
        while left > 0:
            some = next(made)[:left]
            left -= len(some)
            stream.writelines(some)


def measured(log: Path, *options: str) -> list[str]:
    """Run the command once; return a row: name, wall s, CPU s, peak MiB."""
    ran = run_ourselves("timestamps", str(log), *options)
    what = " ".join(option for option in options if option != os.devnull) or "intervals"
    return [what, f"{ran.wall_s:.2f}", f"{ran.cpu_s:.2f}", f"{ran.peak_mib:.0f}"]


def us_per_launch() -> float:
    """Return the CPU time of following a log, in pieces of a launch's size: read, grouped, taken."""
    made = lives(random.Random(2))  # noqa: S311 - reproducible on purpose
    text = "".join("".join(next(made)) for _ in range(LAUNCHES // AT_ONCE)).encode()
    names = list(dict.fromkeys(each[16:80].decode() for each in text.splitlines()))
    piece = len(text) // LAUNCHES
    reader, following = LogReader(), Lives()
    begin_ns = time.process_time_ns()
    for place in range(0, len(text), piece):
        following.add(reader.feed(text[place : place + piece]))
    found = [following.take(name) for name in names]
    events = [container.lives[-1].by_id for container in found if container is not None]
    spent_ns = time.process_time_ns() - begin_ns
    if [*map(len, events)] != [len(ORDER)] * len(names):
        sys.exit("expected every launch's stamps, got fewer")
    return spent_ns / 1e3 / len(events)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", nargs="?", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as name:
        log = Path(name, "ts.log")
        write_log(log, lines)
        variants = ((), ("--phases",), ("--json", os.devnull), ("--format", "urunc"))
        rows = [measured(log, *options) for options in variants for _ in range(ROUNDS)]
        size_mib = log.stat().st_size / 2**20
    title = f"{lines:,} lines, {size_mib:.0f} MiB; aim for a million: <= {AIM_S} s, <= {AIM_MIB} MiB"
    show(title, ["timestamps LOG", "wall s", "CPU s", "peak MiB"], rows)
    costs = ", ".join(f"{us_per_launch():.0f}" for _ in range(ROUNDS))
    print(f"\nfollowing a log: {costs} µs of CPU time per launch of {len(ORDER)} stamps (aim: <= {AIM_US})")


if __name__ == "__main__":
    main()
