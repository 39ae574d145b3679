"""The duration of ``pytest-unikernel compare`` for two large runs, response times included in the files.

    python benchmarks/figures/compare_speed.py [LAUNCHES]

Each run has 13 time steps of 8 targets, five trials, and 61,000 launches per step (the last is the argument),
written as pytest-benchmark writes them. The records are those of one synthetic load; what is timed is the
whole command, in turns with reading the same file by the json module alone.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, TextIO

from summary_speed import STEP_NS, surroundings, synthetic

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.plan.target import Target
from pytest_unikernel.results.pooling import make_result
from pytest_unikernel.results.trial import Trial
from pytest_unikernel.results.verdict import verdict

STEPS, TARGETS, TRIALS, ROUNDS = 13, 8, 5, 5
READ_ALL = "import json, sys; [json.load(open(name)) for name in sys.argv[1:]]"


def record(launches: int) -> dict[str, Any]:
    """Return the record of a load of that many launches in five trials."""
    logs = [synthetic(launches // TRIALS) for _ in range(TRIALS)]
    trials = [
        Trial(
            log, range(len(log)), log.scheduled_ns[0], log.scheduled_ns[-1] + STEP_NS, step_ns=float(STEP_NS)
        )
        for log in logs
    ]
    return make_result(
        Target("synthetic", ["true"]), trials, [verdict(each) for each in trials], surroundings()
    ).as_json()


def benchmarks(load: dict[str, Any], launches: int, seed: int) -> list[dict[str, Any]]:
    """Return a run's benchmarks, each trial's figures a little off those of the record."""
    rng = random.Random(seed)  # noqa: S311 - reproducible on purpose
    data = [round(rng.lognormvariate(-5, 0.5), 9) for _ in range(launches)]
    benches = []
    for target in range(TARGETS):
        for exponent in range(STEPS):
            step_s = 4 / 2**exponent
            rows = [
                {
                    **row,
                    **{key: row[key] * rng.gauss(1, 0.02) for key in ("throughput_hz", "p50", "p90", "p99")},
                }
                for row in load["per_trial"]
            ]
            about = {"time_step_s": step_s, "offered_rate_hz": 1 / step_s, "verdict": "ok"}
            rows = [{**row, "verdict": "ok"} for row in rows]
            name = f"benchmarks/test_it.py::test_{target}[{step_s:.10f}".rstrip("0") + "s]"
            extra = {"load": {**load, **about, "per_trial": rows}}
            benches.append({"fullname": name, "extra_info": extra, "stats": {"data": data}})
    return benches


def write(stream: TextIO, benches: list[dict[str, Any]]) -> None:
    """Write a file as pytest-benchmark does, without holding its text in memory."""
    stream.writelines(json.JSONEncoder(indent=4).iterencode({"machine_info": {}, "benchmarks": benches}))


def timed_s(argv: list[str]) -> float:
    begin_ns = monotonic_ns()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return (monotonic_ns() - begin_ns) / 1e9


def main() -> None:
    launches = int(sys.argv[1]) if len(sys.argv) > 1 else 61_000
    load = record(launches)
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / name for name in ("before.json", "after.json")]
        for seed, file in enumerate(files):
            with file.open("w", encoding="utf-8") as stream:
                write(stream, benchmarks(load, launches, seed))
        names = list(map(str, files))
        compare = [sys.executable, "-m", "pytest_unikernel.commands.main", "compare", *names]
        ours, parsing = [], []
        for number in range(ROUNDS):
            ours.append(timed_s(compare))
            if not number:  # it takes long enough
                parsing.append(timed_s([sys.executable, "-c", READ_ALL, *names]))
        size = files[0].stat().st_size
    print(f"{STEPS} steps x {TARGETS} targets x {launches:,} launches, {size / 2**20:,.0f} MiB a file")
    print(f"compare: median {statistics.median(ours):.2f} s ({min(ours):.2f} to {max(ours):.2f})")
    print(f"the json module alone, both files: {parsing[0]:.2f} s")


if __name__ == "__main__":
    main()
