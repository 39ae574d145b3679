"""A CPU-bound overload of 1.6 x capacity: called saturated, in its own time, while the host answers.

    python benchmarks/figures/overload.py [--realtime auto|off]

Capacity is measured first (the program's CPU time against the CPUs), then offered 1.6 times over. Meanwhile a
witness, an ordinary process of this script, wakes up every 10 ms and notes by how much it is late.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from common import HERE, run_ours, show

WORK = ["awk", "BEGIN { for (i = 0; i < 300000; i++) s += i; print s }"]
WINDOW_S, WARMUP_S, DRAIN_S = 4.0, 1.0, 20.0
NAP_S = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--realtime", choices=["auto", "off"], default="auto")
    arguments = parser.parse_args()
    alone = run_ours("1", 1.0, WORK, "--cold", "10")
    cores = len(os.sched_getaffinity(0))
    capacity_hz = cores / (alone["instance"]["user_s"] + alone["instance"]["system_s"])
    rate_hz = round(1.6 * capacity_hz)
    options = ["--realtime", arguments.realtime, "--warmup", str(WARMUP_S)]
    argv = [sys.executable, str(HERE / "ours.py"), *options, f"1/{rate_hz}", str(WINDOW_S), *WORK]
    begin_s = time.monotonic()
    late_s = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as load:
        while load.poll() is None:
            before_s = time.monotonic()
            time.sleep(NAP_S)
            late_s.append(time.monotonic() - before_s - NAP_S)
        took_s = time.monotonic() - begin_s
        assert load.stdout is not None
        record = json.load(load.stdout)
    rows = [
        ["capacity, by CPU time", f"{capacity_hz:.0f} /s on {cores} CPUs"],
        ["offered", f"{rate_hz} /s"],
        ["verdict", f"{record['verdict']}: {record['verdict_reason']}"],
        [
            "took",
            f"{took_s:.1f} s (warm-up, window and drain time-out: {WARMUP_S + WINDOW_S + DRAIN_S:.0f} s)",
        ],
        [
            "lateness p99",
            f"{1e3 * record['lateness_s']['p99']:.2f} ms, real-time {record['generator']['realtime']}",
        ],
        ["in flight, most", str(record["in_flight_max"])],
        ["witness late by, most", f"{1e3 * max(late_s):.0f} ms"],
        ["memory available, least", f"{record['host']['memory_available_min_bytes'] / 2**30:.1f} GiB"],
    ]
    show("overload of 1.6 x capacity", ["", ""], rows)


if __name__ == "__main__":
    main()
