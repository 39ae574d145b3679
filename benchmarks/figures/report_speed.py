"""The duration and the page size of a report of 13 time steps x 8 targets x 61,000 launches.

    python benchmarks/figures/report_speed.py [LAUNCHES]

The results are made up and saved as pytest-benchmark saves them, with every duration in ``stats.data``.
``pytest-unikernel report`` runs on them in a process of its own; CPU time and the largest resident set are
what wait4 says of that process. Further rows have another such file as the baseline.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from common import run_ourselves, show

from pytest_unikernel.plan.step_names import step_id
from pytest_unikernel.results.summary import buckets, summarize

STEPS_S = [2.0**-power for power in range(13)]
TARGETS = 8
ROUNDS = 3
AIM_S, AIM_MIB = 5, 3
PHASES = ("create", "start", "run", "notice", "removal")


def benchmarks(launches: int) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Yield every benchmark, and its samples apart, in ns."""
    rng = random.Random(1)  # noqa: S311 - reproducible on purpose
    for target in range(TARGETS):
        for step_s in [*STEPS_S, None]:
            values = sorted(int(rng.lognormvariate(15 + target / 2, 0.4)) for _ in range(launches))
            name = f"test_{target}" + (f"[{step_id(Fraction(step_s))}]" if step_s else "_cold")
            extra = {"load": load(f"target_{target}", step_s, values)}
            stats = {"rounds": launches, "data": []}
            yield (
                {"name": name, "fullname": f"test_it.py::{name}", "stats": stats, "extra_info": extra},
                values,
            )


def load(target: str, step_s: float | None, values: list[int]) -> dict[str, Any]:
    """Return a record with everything in it that a report shows."""
    summary = summarize(values)
    times, rate_hz = summary.as_json(), 1 / step_s if step_s else None
    part = {**times, "mean": (summary.mean or 0.0) / len(PHASES)}
    failed = {"timeout": 3, "exit-code": 2} if step_s == STEPS_S[-1] else {}
    rates = dict.fromkeys(("offered_rate_hz", "achieved_rate_hz", "throughput_hz"), rate_hz)
    return {
        "target": target, "mode": "sweep" if step_s else "cold", "time_step_s": step_s, "ready": "exit",
        **rates, "throughput_per_core_hz": rate_hz and rate_hz / 2, "variant": {}, "versions": {"a": "1"},
        "scheduled": len(values), "failed": failed, "verdict": "saturated" if failed else "ok",
        "verdict_reason": "", "interrupted": False, "timeout_s": 60.0, "window_s": 60.0, "in_flight_max": 9,
        "arrivals": "fixed", "settings": {}, "response_time_s": times, "service_time_s": times,
        "lateness_s": times if step_s else None, "phases_s": dict.fromkeys(PHASES, part),
        "distribution": {"base": 1.02, "unit_s": 1e-9, "response_time_s": buckets(values)},
        "host": {
            "cpu_percent": 30.0, "steal_percent": 1.0, "psi_cpu": 4.0, "memory_available_min_bytes": 2.0**33,
        },
    }  # fmt: skip


def write_results(path: Path, launches: int) -> None:
    """Write a file, a benchmark at a time: its samples as pytest-benchmark writes them, one a line."""
    with path.open("w", encoding="ascii") as stream:
        stream.write('{"machine_info": {}, "datetime": "2026-01-02T03:04:05", "benchmarks": [\n')
        for number, (bench, values) in enumerate(benchmarks(launches)):
            lines = ",\n".join(f"                    {value_ns / 1e9!r}" for value_ns in values)
            text = json.dumps(bench, indent=4).replace('"data": []', f'"data": [\n{lines}\n                ]')
            stream.write((",\n" if number else "") + text)
        stream.write("\n]}\n")


def measured(out: Path, *arguments: str) -> list[str]:
    """Run the command once; return a row: name, wall s, CPU s, peak MiB, the page's MiB."""
    ran = run_ourselves("report", *arguments, "-o", str(out))
    what = "with a baseline" if "--baseline" in arguments else "results alone"
    page_mib = (out / "report.html").stat().st_size / 2**20
    pictures = len(list(out.glob("*.png")))
    return [
        what,
        f"{ran.wall_s:.2f}",
        f"{ran.cpu_s:.2f}",
        f"{ran.peak_mib:.0f}",
        f"{page_mib:.2f}",
        str(pictures),
    ]


def main() -> None:
    launches = int(sys.argv[1]) if len(sys.argv) > 1 else 61_000
    with tempfile.TemporaryDirectory() as name:
        results = Path(name, "out.json")
        write_results(results, launches)
        size_mib = results.stat().st_size / 2**20
        variants = ([str(results)], [str(results), "--baseline", str(results)])
        rows = [measured(Path(name, "report"), *each) for each in variants for _ in range(ROUNDS)]
    what = f"{len(STEPS_S)} steps x {TARGETS} targets x {launches:,} launches, {size_mib:.0f} MiB of JSON"
    title = f"{what}; aim: <= {AIM_S} s, page <= {AIM_MIB} MiB"
    show(title, ["report", "wall s", "CPU s", "peak MiB", "page MiB", "figures"], rows)


if __name__ == "__main__":
    main()
