"""The minimal Linux guest under TCG: against the same kernel, and a distribution's, started the usual way.

    pytest-unikernel build linux-kernel
    apt-get download linux-image-6.1.0-XX-cloud-amd64 && dpkg -x linux-image-*.deb cloud
    python benchmarks/figures/linux_vm.py [--pairs 10] [--cloud cloud/boot/vmlinuz-*] [--crowd 100]

The usual way is a bzImage on QEMU's default machine: its BIOS loads it, and it unpacks itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from fractions import Fraction
from functools import partial
from pathlib import Path

from common import alternate, compared, show
from inside import cold, prepared

from pytest_unikernel.guests.build.linux_kernel import newest_kernel
from pytest_unikernel.host.quiet import Quiescence
from pytest_unikernel.plan.load_plan import LoadPlan
from pytest_unikernel.plan.readiness import Line
from pytest_unikernel.plan.target import Target
from pytest_unikernel.run.measuring import Loads
from pytest_unikernel.run.session import Session
from pytest_unikernel.targets.qemu.linux_vm import linux_vm

COLD = 3  # launches of each in a pair
SCRIPTS = 10
CROWD_HZ = 3  # boots per second of two slow cores


def usual(kernel: Path, initrd: str, memory_mib: int) -> Target:
    """Return the target that boots a bzImage as its documentation says, with QEMU's defaults."""
    argv = (
        *("qemu-system-x86_64", "-nographic", "-no-reboot", "-m", str(memory_mib), "-kernel", str(kernel)),
        *("-initrd", initrd, "-append", "console=ttyS0 reboot=t panic=-1 shutdown"),
    )
    return Target("usual", argv, ready=Line("VM successfully running"), timeout_s=60)


def response_ms(loads: Loads, target: Target) -> float:
    """Return spawn to marker."""
    return 1e3 * float(cold(loads, target, COLD)["service_time_s"]["p50"])


def after_ms(loads: Loads, target: Target) -> float:
    """Return marker to process gone."""
    return 1e3 * float(cold(loads, target, COLD)["phases_s"]["shutdown"]["p50"])


def script(directory: Path, name: str, text: str) -> Path:
    """Write a script for the guest."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    return path


def crowd(loads: Loads, wanted: int, directory: Path) -> list[str]:
    """Keep so many guests in flight, each asleep after its marker; return the guard's refusals."""
    asleep_s = 1.3 * wanted / CROWD_HZ
    nap = script(directory, "nap", f"sleep {asleep_s:.0f}")
    target = prepared(linux_vm(memory_mib=64, scripts=[nap]))
    target = target(timeout_s=4 * asleep_s)
    plan = LoadPlan(
        step=Fraction(1, CROWD_HZ), warmup_s=1.1 * asleep_s, window_s=5, drain_timeout_s=4 * asleep_s
    )
    record = loads.sweep(target, plan).result.as_json()
    counts = [str(record[key]) for key in ("in_flight_max", "dropped", "completed")]
    return [*counts, str(sum(record["failed"].values())), record["verdict"]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--cloud", type=Path, help="a distribution's vmlinuz")
    parser.add_argument("--crowd", type=int, default=100, help="guests in flight; 0 leaves that out")
    arguments = parser.parse_args()
    built = newest_kernel()
    if built is None:
        sys.exit("linux_vm.py: no kernel of ours; pytest-unikernel build linux-kernel")
    minimal = prepared(linux_vm())
    initrd = str(minimal.argv[minimal.argv.index("-initrd") + 1])
    session = Session()
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        loads = Loads(session, Quiescence(session.sample))
        ms, gone = partial(response_ms, loads), partial(after_ms, loads)
        scripts = [script(directory, f"s{number}", ":") for number in range(SCRIPTS + 1)]
        many, one = prepared(linux_vm(scripts=scripts)), prepared(linux_vm(scripts=scripts[:1]))
        try:
            rows = []
            pairs = alternate(
                arguments.pairs, partial(ms, minimal), partial(ms, usual(built.bzimage, initrd, 64))
            )
            rows.append(compared("same kernel, bzImage on pc: spawn to marker ms", pairs))
            if arguments.cloud:
                other = usual(arguments.cloud, initrd, 256)
                pairs = alternate(arguments.pairs, partial(ms, minimal), partial(ms, other))
                rows.append(compared("cloud kernel, bzImage on pc: spawn to marker ms", pairs))
            scripted = alternate(arguments.pairs, partial(gone, many), partial(gone, one))
            rows.append(compared(f"{SCRIPTS + 1} scripts and 1: marker to gone ms", scripted))
            exits = sorted(gone(minimal) for _ in range(arguments.pairs))
            crowds = [crowd(loads, arguments.crowd, directory)] if arguments.crowd else []
        finally:
            session.close()
    show(f"medians of {arguments.pairs} pairs", ["", "ours", "other", "ratio", "range"], rows)
    per_script = sorted((ours - other) / SCRIPTS for ours, other in scripted)
    print(f"\nper script: {per_script[len(per_script) // 2]:.1f} ms; target: <= 30")
    print(f"marker to gone: {exits[len(exits) // 2]:.1f} ms; target: <= 50")
    print("targets: <= 0.45 of the same kernel, <= 0.30 of the cloud kernel")
    if crowds:
        show("in flight", ["most", "dropped", "completed", "failed", "verdict"], crowds)


if __name__ == "__main__":
    main()
