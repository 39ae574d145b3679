"""urunc: the cost of its timestamps, our own overhead, and a crowd of launches.

    python benchmarks/figures/urunc.py [--pairs 10] [--launches 1000] [--in-flight 16] [--monitor FILE]

Needs root, urunc, and a QEMU that urunc can run; --monitor names one for hosts without KVM.

- The same container with and without timestamps, in alternation; the difference with a 95 % interval
  (bootstrap over the pairs). A container can't resolve what stamps cost, so
- writing 20 stamps alone: the clock, a line, one write to a file opened with O_APPEND, in C. urunc's
  documentation quotes 38,351 ns for zerolog and 71,589 ns for logrus.
- A cold start against a bare shell loop of create, start, wait, delete, in alternation.
- Many launches with some in flight, without a schedule: how each ended, which stamps it has, and the
  generator's own CPU time of matching them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

from common import alternate, compared, compile_c, run_json, show

from pytest_unikernel.clock import monotonic_ns
from pytest_unikernel.guests.build.rust_kernel import shipped_kernel
from pytest_unikernel.guests.build.urunc_bundle import Guest, write_template
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.host.tuning import tuned
from pytest_unikernel.launch.cleanup import leftover_command
from pytest_unikernel.launch.process.supervisor import ProcessSupervisor
from pytest_unikernel.launch.runtime import Runtime
from pytest_unikernel.launch.stamps.from_log import StampLogReader
from pytest_unikernel.plan.load_plan import ColdPlan
from pytest_unikernel.plan.outcome import Outcome
from pytest_unikernel.plan.stamps import StampLog
from pytest_unikernel.plan.target import Target
from pytest_unikernel.plan.target_fields import Place
from pytest_unikernel.results.launches import LaunchLog
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.urunc.program import Urunc, find
from pytest_unikernel.targets.urunc.target import urunc_container

COLD = 5  # launches of each in a pair
STAMPS, ROUNDS = 20, 2_000
RESAMPLES = 10_000
TIMEOUT_S, BOUND_S = 60.0, 900.0
LOOP = Path(__file__).with_name("urunc_loop.sh")
# The monitor is an orphan of `urunc create`; where the first process doesn't reap, it would stay as a zombie.
REAPING = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
done = subprocess.Popen(sys.argv[1:])
while (ended := os.wait())[0] != done.pid:
    pass
sys.exit(os.waitstatus_to_exitcode(ended[1]))
"""
_numbers = count(1)


def cold_ms(loads: Loads, target: Target) -> float:
    """Return the median of a few cold starts."""
    record = loads.cold(target, ColdPlan(COLD)).result.as_json()
    if record["completed"] != COLD:
        sys.exit(f"urunc.py: {target.full_name} failed: {record['failures'][:1]}")
    return 1e3 * float(record["service_time_s"]["p50"])


# what timestamps cost ---------------------------------------------------------------------------------------


def interval(differences: list[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median difference, by bootstrap over the pairs."""
    rng = random.Random(1)  # noqa: S311 - reproducible on purpose
    medians = sorted(
        statistics.median(rng.choices(differences, k=len(differences))) for _ in range(RESAMPLES)
    )
    return medians[RESAMPLES // 40], medians[-RESAMPLES // 40]


def show_cost(pairs: list[tuple[float, float]]) -> None:
    """Print both medians and their difference."""
    differences = [timed - untimed for timed, untimed in pairs]
    low_ms, high_ms = interval(differences)
    show(
        f"cold start with and without timestamps, {len(pairs)} pairs of {COLD}",
        ["", "with ms", "without ms", "ratio", "range"],
        [compared("urunc_container", pairs)],
    )
    middle_ms = statistics.median(differences)
    print(f"median difference {middle_ms:+.2f} ms, 95 % interval {low_ms:+.2f} to {high_ms:+.2f} ms")


def show_writes(directory: Path) -> None:
    """Print the cost of writing stamps alone."""
    program = compile_c("write_stamps", directory)
    found = sorted(run_json([str(program), str(directory / "ts.log"), str(STAMPS), str(ROUNDS)])["ns"])
    shown = ", ".join(
        f"{name} {found[int(len(found) * share)]:,} ns" for name, share in (("p50", 0.5), ("p90", 0.9))
    )
    print(f"\nwriting {STAMPS} stamps, one write each: {shown} (quoted: zerolog 38,351, logrus 71,589)")


# what we add ------------------------------------------------------------------------------------------------


class Loop(NamedTuple):
    """The bare loop: its urunc, a directory with ``b`` and ``r``, and the environment."""

    urunc: Urunc
    place: Path
    environment: dict[str, str]

    def times_ms(self, name: str, launches: int) -> tuple[float, float]:
        """Return the medians to the monitor's end, and with the deletion."""
        argv = [self.urunc.program, str(self.place), str(self.place / "template"), name, str(launches)]
        done = subprocess.run(
            [sys.executable, "-IS", "-c", REAPING, "bash", str(LOOP), *argv],
            env=self.environment,
            stdout=subprocess.PIPE,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        rows = [
            tuple(map(int, line.split())) for line in done.stdout.splitlines()[1:]
        ]  # the first isn't ours either
        return (
            statistics.median(row[0] for row in rows) / 1e3,
            statistics.median(row[1] for row in rows) / 1e3,
        )


def made_loop(place: Path, target: Target) -> Loop:
    """Make the loop's inputs: the same bundle, the same variables."""
    urunc = find(None)
    assert isinstance(urunc, Urunc), str(urunc)
    for name in ("r", "b", "t"):
        (place / name).mkdir(mode=0o700)
    write_template(place / "template", Guest(shipped_kernel(), None, "mewz", "qemu", ("unikernel",)))
    assert target.prepare is not None
    prepared = target.prepare(target, Place("loop", str(place / "t")))
    return Loop(urunc, place, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **prepared.env})


def show_loop(loads: Loads, target: Target, place: Path, pairs: int) -> None:
    """Print a cold start against the bare loop."""
    loop = made_loop(place, target)
    bare: list[tuple[float, float]] = []

    def looped() -> float:
        bare.append(loop.times_ms(f"figure{next(_numbers)}", COLD + 1))
        return bare[-1][0]

    done = alternate(pairs, partial(cold_ms, loads, target), looped)
    whole = [(ours, both[1]) for (ours, _), both in zip(done, bare, strict=True)]
    rows = [
        compared("urunc_container, the loop up to the monitor's end: ms", done),
        compared("urunc_container, the loop with its deletion: ms", whole),
    ]
    show(
        f"cold start against a bare shell loop, {pairs} pairs of {COLD}",
        ["", "ours", "loop", "ratio", "range"],
        rows,
    )
    print("aim: <= 1.10")


# a crowd ----------------------------------------------------------------------------------------------------


def crowd(session: Session, target: Target, launches: int, in_flight: int) -> None:
    """Launch many with so many in flight, and print how they ended."""
    assert target.prepare is not None
    with tuned("auto", 4096) as granted:
        session.begin(target.name)
        place = session.load_directory()
        prepared = target.prepare(target, Place(session.token, str(place)))
        assert isinstance(prepared.stamps, StampLog)
        reader = StampLogReader(prepared.stamps, session.token)
        runtime = Runtime(session.token, place, session.table, realtime=granted.realtime)
        supervisor = ProcessSupervisor(prepared, runtime, TIMEOUT_S)
        try:
            begin_ns = monotonic_ns()
            launch(supervisor, launches, in_flight)
            lasted_s = (monotonic_ns() - begin_ns) / 1e9
        finally:
            supervisor.close()
            left = leftover_command.remove(prepared, session.token)
            session.end()
    show_crowd(prepared, supervisor.log.trim(), reader, lasted_s)
    print(f"left behind: {left or 'nothing'}")


def launch(supervisor: ProcessSupervisor, launches: int, in_flight: int) -> None:
    """Keep so many in flight until all have ended, within a bound."""
    end_ns, begun = monotonic_ns() + int(BOUND_S * 1e9), 0
    while (begun < launches or supervisor.in_flight or supervisor.removing) and monotonic_ns() < end_ns:
        while begun < launches and supervisor.in_flight < in_flight:
            supervisor.start(supervisor.log.add(monotonic_ns()))
            begun += 1
        supervisor.wait(monotonic_ns() + 10**8)


def show_crowd(target: Target, log: LaunchLog, reader: StampLogReader, lasted_s: float) -> None:
    """Print the outcomes, the stamps and the cost of matching them."""
    begin_ns = time.process_time_ns()
    reader.settle(log)
    us = (time.process_time_ns() - begin_ns) / 1e3 / max(1, len(log))
    wanted = {event for pair in target.phases.values() for event in pair} - {"started", "exited"}
    complete = sum(wanted <= set(log.events.get(row, {})) for row in range(len(log)))
    ended = Counter(Outcome(code).reason for code in log.outcome)
    print(f"\n{len(log)} launches in {lasted_s:.0f} s, {len(log) / lasted_s:.1f}/s: {dict(ended)}")
    for row, tail in list(log.tails.items())[:3]:
        print(f"  {Outcome(log.outcome[row]).reason}: {tail[-200:]!r}")
    print(f"with every stamp of every phase: {complete}; lines of others: {log.other_stamps}")
    print(f"matching: {us:.0f} us of the generator's CPU per launch (aim: <= 100)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10, help="0 leaves the comparisons out")
    parser.add_argument("--launches", type=int, default=1_000, help="0 leaves the crowd out")
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--monitor", help="the QEMU that urunc runs")
    arguments = parser.parse_args()
    timed = urunc_container(monitor=arguments.monitor)
    untimed = urunc_container(monitor=arguments.monitor, timestamps=False)
    for target in (timed, untimed):
        if target.probe is not None and (why := target.probe()):
            sys.exit(f"urunc.py: {target.full_name}: {why}")
    session = Session()
    try:
        loads = Loads(session, Quiescence(session.sample))
        ms: Callable[[Target], float] = partial(cold_ms, loads)
        with tempfile.TemporaryDirectory(prefix="u") as name:
            show_writes(Path(name))
            if arguments.pairs:
                show_cost(alternate(arguments.pairs, partial(ms, timed), partial(ms, untimed)))
                show_loop(loads, timed, Path(name), arguments.pairs)
        if arguments.launches:
            crowd(session, timed, arguments.launches, arguments.in_flight)
    finally:
        session.close()


if __name__ == "__main__":
    main()
