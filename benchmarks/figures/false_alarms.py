"""The rate of false alarms in comparisons of equal runs, and the rate at which +10 % latency is found.

    python benchmarks/figures/false_alarms.py measure RUNS.jsonl [--blocks 200] [--window 0.5] [--only-equal]
    python benchmarks/figures/false_alarms.py judge RUNS.jsonl [--as-measured]

``measure`` makes real loads of ``linux_process``, in blocks of three runs of five trials: two of the same
target (A1, A2) and one of it with a loop before its work that was calibrated to add a tenth to its median
latency (B). The trials of a block are made in turn, in changing order. Each block is appended as it ends, so
that an interrupted run goes on where it stopped. 200 blocks take an hour on a quiet host, 40 minutes
without B (``--only-equal``).

``judge`` compares, and prints with the bounds of Clopper and Pearson:

- A1/A2: runs made in turn, as ``compare A.json B.json A.json B.json ...`` takes them. Each run is in one pair
  only; pairs are as independent as loads of one host some seconds apart are. Any better or worse is an alarm.
- A1/A2, so many blocks later: what a saved baseline sees of a host that changes meanwhile; half of all apart.
  Here the rules apply that a busy host, or a knee that moved with the host's speed, is no evidence;
  how often is in the column "untold".
- A1/B and B/A2: whether a p50 is found worse, or better; with the trials of one block, of two and of three.

``--as-measured`` keeps the changes that follow the host's own speed, to show their size.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from common import show

from pytest_unikernel.compare.judging import compare
from pytest_unikernel.compare.sides import Side
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.evidence import Cause
from pytest_unikernel.results.verdict import majority
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.linux_process import DEFAULT_COMMAND, linux_process

NAME = "benchmarks/test_sweeps.py::test_linux_process"
STEPS, WINDOW_S = "1/128,1/256", 0.5
WARMUP_S, TRIALS = 0.1, 5
SLOWER = 1.10
CALIBRATION_STEP, CALIBRATION_PAIRS = Fraction(1, 64), 15
LOOP = "i=0; while [ $i -lt {turns} ]; do i=$((i+1)); done; {command}"
OF_THE_HOST = (Cause.OTHER_WORK, Cause.HOST_SPEED)
UNTOLD = ("distribution", "failures", "guards", "neighbours_s", "intervals_s", "phases_s")


def target(turns: int) -> Target:
    """Return ``linux_process`` with that many turns of a loop before its work."""
    return linux_process(LOOP.format(turns=turns, command=DEFAULT_COMMAND))


def plan(step: Fraction, window_s: float) -> LoadPlan:
    return LoadPlan(step, warmup_s=WARMUP_S, window_s=window_s, drain_timeout_s=20.0, quiet_host="off")


class Bench:
    """Runs loads, one after the other."""

    def __init__(self, session: Session, steps: Sequence[Fraction], window_s: float) -> None:
        self._steps, self._window_s = steps, window_s
        self._loads = Loads(session, Quiescence(session.sample))

    def record(self, turns: int, load: LoadPlan) -> dict[str, Any]:
        """Return the record of one load."""
        record = self._loads.sweep(target(turns), load).result.as_json()
        return {key: value for key, value in record.items() if key not in UNTOLD}

    def block(self, number: int, turns: Mapping[str, int]) -> dict[str, list[dict[str, Any]]]:
        """Return the loads of each run of a block: one trial each, in turn, never in the same order."""
        rng = random.Random(number)  # noqa: S311 - reproducible on purpose
        loads: dict[str, list[dict[str, Any]]] = {name: [] for name in turns}
        for step in self._steps:
            for _ in range(TRIALS):
                for name in rng.sample(list(turns), len(turns)):
                    loads[name].append(self.record(turns[name], plan(step, self._window_s)))
        return loads

    def calibrate(self) -> int:
        """Return how many turns add a tenth to the median latency, from pairs that alternate."""
        probe, medians = 1000, {0: [], 1000: []}  # type: tuple[int, dict[int, list[float]]]
        for _ in range(CALIBRATION_PAIRS):
            for turns, values in medians.items():
                values.append(self.record(turns, plan(CALIBRATION_STEP, WINDOW_S))["response_time_s"]["p50"])
        plain_s, slow_s = (statistics.median(values) for values in medians.values())
        turns = round(probe * (SLOWER - 1) * plain_s / (slow_s - plain_s))
        print(f"p50 {1e3 * plain_s:.2f} ms; {turns} turns of the loop are to add 10 %", file=sys.stderr)
        return turns


def measure(file: Path, blocks: int, turns: int | None, steps: Sequence[Fraction], window_s: float) -> None:
    """Append blocks until there are so many; without B if ``turns`` is None."""
    known = list(read(file)) if file.exists() else []
    session = Session()
    try:
        bench = Bench(session, steps, window_s)
        if turns is not None:
            turns = next((run["turns"] for run in known if run["turns"]), turns) or bench.calibrate()
        runs = {"A1": 0, "A2": 0} if turns is None else {"A1": 0, "A2": 0, "B": turns}
        with file.open("a", encoding="utf-8") as stream:
            for block in range(max((run["block"] for run in known), default=-1) + 1, blocks):
                loads = bench.block(block, runs)
                stream.write(json.dumps({"block": block, "turns": turns, "loads": loads}) + "\n")
                stream.flush()
                print(f"\rblock {block + 1} of {blocks}", end="", file=sys.stderr, flush=True)
    finally:
        session.close()
    print(file=sys.stderr)


def read(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


# judging --------------------------------------------------------------------------------------------


def in_turn(*runs: Sequence[Mapping[str, Any]]) -> dict[str, Side]:
    """Return runs whose trials were made in turn with those of the other side: a record per trial."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for record in (record for loads in runs for record in loads):
        found.setdefault(f"{NAME}[{record['time_step_s']}s]", []).append(record)
    return {name: Side(name, records) for name, records in found.items()}


def as_one(run: Sequence[Mapping[str, Any]]) -> dict[str, Side]:
    """Return a run in the form of a single run: one record of all its trials."""
    return {name: Side(name, [merged(side.records)]) for name, side in in_turn(run).items()}


def merged(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    spawns_s = [record["generator"]["spawn_s"] for record in records]
    rows = [
        {**row, "spawn_s": spawn_s}
        for record, spawn_s in zip(records, spawns_s, strict=True)
        for row in record["per_trial"]
    ]
    counts = {key: sum(each["response_time_s"][key] for each in records) for key in ("n", "censored")}
    busy = {"cpu_percent": statistics.fmean(each["host"]["cpu_percent"] for each in records)}
    verdict = majority([row["verdict"] for row in rows])
    sums = {key: sum(each[key] for each in records) for key in ("scheduled", "completed")}
    response = {**records[0]["response_time_s"], **counts}
    host = {**records[0]["host"], **busy}
    return {
        **records[0],
        **sums,
        "per_trial": rows,
        "verdict": verdict,
        "response_time_s": response,
        "host": host,
    }


def tally(
    name: str, pairs: Sequence[tuple[dict[str, Side], dict[str, Side]]], sought: str, *, same_host: bool
) -> list[str]:
    """Return a row: how many pairs, and of how many something was untold or the sought was found.

    Args:
        name: of the row.
        pairs: runs to compare.
        sought: the judgement of a p50 that counts; any better or worse of anything, if empty.
        same_host: response times are compared without changes that follow the host's speed.
    """
    found = untold = 0
    for old, new in pairs:
        judged = [change for _, change in compare(old, new, same_host=same_host).judged()]
        untold += any(change.why is not None and change.why.cause in OF_THE_HOST for change in judged)
        found += any(
            change.judgement in ("better", "worse")
            if not sought
            else (change.metric, change.judgement) == ("p50", sought)
            for change in judged
        )
    low, high = clopper_pearson(found, len(pairs))
    share = f"{100 * found / len(pairs):.1f} %"
    return [
        name,
        str(len(pairs)),
        str(untold),
        str(found),
        share,
        f"{100 * low:.1f} %",
        f"{100 * high:.1f} %",
    ]


def clopper_pearson(found: int, of: int) -> tuple[float, float]:
    """Return the lower and the upper bound of a share, each with 95 % confidence.

    Source: Clopper and Pearson (1934): the shares at which so many, or more extreme, are as rare as 5 %.
    """
    low = 0.0 if found == 0 else bisected(lambda share: 1 - at_most(found - 1, of, share) - 0.05)
    high = 1.0 if found == of else bisected(lambda share: 0.05 - at_most(found, of, share))
    return low, high


def at_most(found: int, of: int, share: float) -> float:
    return sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(found + 1))


def bisected(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return low


def judge(file: Path, *, same_host: bool) -> None:
    blocks = [entry["loads"] for entry in read(file)]
    half = len(blocks) // 2
    later = list(zip(blocks, blocks[half:], strict=False))
    equal = [(in_turn(each["A1"]), in_turn(each["A2"])) for each in blocks]
    apart = [(as_one(each["A1"]), as_one(other["A2"])) for each, other in later]
    slowed = [each for each in blocks if "B" in each]
    slower = [(in_turn(each["A1"]), in_turn(each["B"])) for each in slowed]
    faster = [(in_turn(each["B"]), in_turn(each["A2"])) for each in slowed]
    asked: list[tuple[str, Sequence[tuple[dict[str, Side], dict[str, Side]]], str]] = [
        ("A1/A2 in turn", equal, ""),
        (f"A1/A2, {half} blocks later", apart, ""),
        ("A1/B, p50 worse", slower, "worse"),
        ("B/A2, p50 better", faster, "better"),
        *((f"A1/B, {n * TRIALS} + {n * TRIALS} trials", together(slowed, n), "worse") for n in (2, 3)),
    ]
    rows = [tally(name, pairs, sought, same_host=same_host) for name, pairs, sought in asked if pairs]
    heads = ["pairs of", "pairs", "untold", "found", "share", "at least", "at most"]
    how = "without what goes with the host's speed" if same_host else "as measured"
    show(f"5 + 5 trials, {how}; bounds with 95 % confidence each", heads, rows)
    if slowed:
        print(f"B's median latency is {really(slowed):.3f} x A's")
    print(f"other work had {others(blocks):.0f} % of the CPU")
    print("\n".join(drift(blocks)))


def drift(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield, for each time step, how far medians of equal loads lie apart, and how starts of a process do."""
    loads = [record for each in blocks for run in ("A1", "A2") for record in each[run]]
    for step_s in dict.fromkeys(record["time_step_s"] for record in loads):
        known = [record for record in loads if record["time_step_s"] == step_s]
        medians = [math.log(record["response_time_s"]["p50"]) for record in known]
        spawns = [math.log(record["generator"]["spawn_s"]) for record in known]
        together_ = statistics.correlation(medians, spawns)
        yield (
            f"{step_s:g} s: standard deviation of A's p50 by trial {100 * statistics.stdev(medians):.0f} %; "
            f"a start of a process goes with it, r = {together_:.2f}"
        )


def together(
    blocks: Sequence[Mapping[str, Any]], number: int
) -> list[tuple[dict[str, Side], dict[str, Side]]]:
    """Return pairs of A1 and B with the trials of so many blocks, each block in one of them."""
    groups = [blocks[place : place + number] for place in range(0, len(blocks) - number + 1, number)]
    return [
        (in_turn(*(each["A1"] for each in group)), in_turn(*(each["B"] for each in group)))
        for group in groups
    ]


def really(blocks: Sequence[Mapping[str, Any]]) -> float:
    """Return how much slower B really was: the median ratio of the trials' medians, step by step."""
    ratios = []
    for each in blocks:
        slow, plain = in_turn(each["B"]), in_turn(each["A1"])
        for name, side in plain.items():
            ends = slow[name].typical("p50"), side.typical("p50")
            if ends[0] and ends[1]:
                ratios.append(ends[0] / ends[1])
    return statistics.median(ratios)


def others(blocks: Sequence[Mapping[str, Any]]) -> float:
    """Return how much of the CPU time other work had, in per cent; the median of all runs."""
    known = [side.others_percent for each in blocks for side in in_turn(each["A1"]).values()]
    return statistics.median(share for share in known if share is not None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["measure", "judge"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--turns", type=int, default=0, help="of the loop; by default it is calibrated")
    parser.add_argument("--window", type=float, default=WINDOW_S, help="of a trial, in seconds")
    parser.add_argument("--time-steps", default=STEPS)
    parser.add_argument("--only-equal", action="store_true", help="leave out B, and so what is found of it")
    parser.add_argument("--as-measured", action="store_true")
    arguments = parser.parse_args()
    if arguments.what == "measure":
        steps = [Fraction(step) for step in arguments.time_steps.split(",")]
        turns = None if arguments.only_equal else arguments.turns
        measure(arguments.file, arguments.blocks, turns, steps, arguments.window)
    else:
        judge(arguments.file, same_host=not arguments.as_measured)


if __name__ == "__main__":
    main()
