"""How often a comparison of equal runs alarms, and how often it finds +10 % latency.

    python benchmarks/figures/false_alarms.py measure RUNS.jsonl [--blocks 200]    about 15 s a block
    python benchmarks/figures/false_alarms.py judge RUNS.jsonl

``measure`` makes real runs of ``linux_process``, five trials at each of two time steps, in blocks of three:
two of the same target (A, A) and one of the same target with a loop before its work that was calibrated to
add a tenth to its median latency (B), in changing order. It appends each run as it ends, so it can be
interrupted, and goes on where it stopped.

``judge`` compares. Every run is in one A/A pair only, so 200 blocks are 200 independent pairs, as far as
runs on one machine are. What is reported, with the 95 % upper bound of Clopper and Pearson:

- neighbours: the two As of a block, some seconds apart;
- far apart: an A with the one half of all blocks later: what a saved baseline sees of a host that drifts;
- A/B: an A with the B of its block; the change is found if some p50 is worse;
- B/A: the same the other way round; found if some p50 is better.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from pytest_unikernel.load import LoadOptions, Loads
from pytest_unikernel.plan import LoadPlan
from pytest_unikernel.quiescence import Quiescence
from pytest_unikernel.session import Session
from pytest_unikernel.target import Target
from pytest_unikernel.targets.linux_process import DEFAULT_COMMAND, linux_process

STEPS = (Fraction(1, 128), Fraction(1, 256))
WARMUP_S, WINDOW_S, TRIALS = 0.1, 0.5, 5
SLOWER = 1.10
CALIBRATION_STEP, CALIBRATION_PAIRS = Fraction(1, 64), 15
LOOP = "i=0; while [ $i -lt {turns} ]; do i=$((i+1)); done; {command}"
UNTOLD = ("distribution", "failures", "guards", "neighbours_s", "intervals_s", "phases_s")

Run = dict[str, Any]


def target(turns: int) -> Target:
    """Return ``linux_process`` with that many turns of a loop before its work."""
    return linux_process(LOOP.format(turns=turns, command=DEFAULT_COMMAND))


def plan(step: Fraction, window_s: float = WINDOW_S) -> LoadPlan:
    return LoadPlan(step, warmup_s=WARMUP_S, window_s=window_s, drain_timeout_s=20.0)


class Bench:
    """Runs loads, one after the other."""

    def __init__(self, session: Session) -> None:
        self._loads = Loads(session, LoadOptions(quiet_host="off"), Quiescence(session.sample))

    def record(self, turns: int, load: LoadPlan) -> dict[str, Any]:
        settings = {"warmup_s": load.warmup_s, "max_warmup_s": load.max_warmup_s}
        record = self._loads.sweep(target(turns), load, settings).result.as_json()
        return {key: value for key, value in record.items() if key not in UNTOLD}

    def block(self, number: int, turns: Mapping[str, int]) -> dict[str, list[dict[str, Any]]]:
        """Return the loads of each run of a block: one trial each, in turn, never in the same order."""
        rng = random.Random(number)  # noqa: S311 - reproducible on purpose
        loads: dict[str, list[dict[str, Any]]] = {name: [] for name in turns}
        for step in STEPS:
            for _ in range(TRIALS):
                for name in rng.sample(list(turns), len(turns)):
                    loads[name].append(self.record(turns[name], plan(step)))
        return loads

    def calibrate(self) -> int:
        """Return how many turns add a tenth to the median latency, from pairs that alternate."""
        probe, medians = 1000, {0: [], 1000: []}  # type: tuple[int, dict[int, list[float]]]
        for _ in range(CALIBRATION_PAIRS):
            for turns in medians:
                load = plan(CALIBRATION_STEP)
                medians[turns].append(self.record(turns, load)["response_time_s"]["p50"])
        plain_s, slow_s = (statistics.median(values) for values in medians.values())
        turns = round(probe * (SLOWER - 1) * plain_s / (slow_s - plain_s))
        print(f"p50 {1e3 * plain_s:.2f} ms; {turns} turns of the loop are to add 10 %", file=sys.stderr)
        return turns


def measure(file: Path, blocks: int, turns: int) -> None:
    known = list(read(file)) if file.exists() else []
    session = Session()
    try:
        bench = Bench(session)
        turns = known[0]["turns"] if known else turns or bench.calibrate()
        with file.open("a", encoding="utf-8") as stream:
            for block in range(max((run["block"] for run in known), default=-1) + 1, blocks):
                loads = bench.block(block, {"A1": 0, "A2": 0, "B": turns})
                stream.write(json.dumps({"block": block, "turns": turns, "loads": loads}) + "\n")
                stream.flush()
                print(f"\rblock {block + 1} of {blocks}", end="", file=sys.stderr, flush=True)
    finally:
        session.close()
    print(file=sys.stderr)


def read(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["measure", "judge"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--turns", type=int, default=0, help="of the loop; by default it is calibrated")
    arguments = parser.parse_args()
    measure(arguments.file, arguments.blocks, arguments.turns)


if __name__ == "__main__":
    main()
