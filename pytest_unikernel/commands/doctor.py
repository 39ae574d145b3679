"""``pytest-unikernel doctor``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import STREAM, deliver, json_text, note, refuse_no_place, show

if TYPE_CHECKING:
    from pytest_unikernel.doctor.examination import Examination

FAULTY = 1
# A healthy program answers in a fraction of it; others are waited for only where that was asked for.
PATIENCE_S, LONG_PATIENCE_S = 1.2, 60.0
HOSTS_PATIENCE_S = 10.0  # hosts answer side by side, and several may be one machine
HELP = f"""\
  {PROGRAM} doctor             targets, tools, limits, noise
  {PROGRAM} doctor --deep      also starts one instance of each target
  {PROGRAM} doctor --require=rust_kernel,linux_vm
  {PROGRAM} doctor --json      as JSON, on standard output
  {PROGRAM} doctor --hosts=ssh:alpha,beta
                                     the hosts of a sweep: where does what run?

Marks:
  yes  runs, or is available     ok  does not disturb figures
  NO   installed, but fails      !   disturbs figures
  -    not installed, or the     ?   not known: no answer, or the host does
       hardware lacks it             not show it

Exit status: 0 if every installed target runs (with --require: if every named
target runs); 1 if one does not; 2 for a wrong command line. Limits and noise
do not change the status.

The checks are those that a load makes before it starts. They load an image of
8 KB into the container engines, keep built files in the cache, and boot a
small guest with KVM.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument(
        "--deep", action="store_true", help="also start each target once, cold, and show how long it took"
    )
    parser.add_argument(
        "--json",
        nargs="?",
        const=STREAM,
        metavar="FILE",
        help="write all findings as JSON to FILE; without FILE, to standard output instead of the screen",
    )
    parser.add_argument(
        "--require",
        metavar="NAME,...",
        help="targets that must run, such as rust_kernel,linux_vm[kvm], or all; they decide the exit status",
    )
    parser.add_argument(
        "--hosts",
        metavar="HOSTS",
        help="look at each of the hosts that --sweep-hosts would take instead: local:N, ssh:HOST,HOST, or "
        "tls://HOST:PORT",
    )
    parser.add_argument(
        "--hosts-python",
        metavar="PATH",
        help="Python on the hosts of ssh:... (default: the path that it has here)",
    )
    parser.add_argument(
        "--hosts-insecure",
        action="store_true",
        help="allow --hosts=tcp://... beyond this machine, without encryption: in a network that you trust",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="time limit of all checks that start programs, together "
        f"(default: {PATIENCE_S:g}; with --hosts {HOSTS_PATIENCE_S:g}, with --deep or --require "
        f"{LONG_PATIENCE_S:g})",
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds > 0, got {text!r}")
    return value


def _run(parsed: argparse.Namespace) -> int:
    from pytest_unikernel.doctor.examination import examine  # noqa: PLC0415 - see Command

    required = _required(parsed)
    refuse_no_place(parsed)
    if parsed.hosts is not None:
        from pytest_unikernel.commands.doctor_hosts import run  # noqa: PLC0415 - see Command

        return run(parsed, LONG_PATIENCE_S if parsed.deep or required else HOSTS_PATIENCE_S)
    usual_s = LONG_PATIENCE_S if parsed.deep or required else PATIENCE_S
    found = examine(patience_s=parsed.timeout or usual_s, deep=parsed.deep, note=note)
    faults = found.faults(required)
    status = FAULTY if faults else 0
    _tell(found, parsed.json, status, faults)
    return status


def _required(parsed: argparse.Namespace) -> frozenset[str]:
    """Return the names of --require; a wrong one ends the command."""
    from pytest_unikernel.doctor.variants import VARIANTS  # noqa: PLC0415 - see Command

    if parsed.require is None:
        return frozenset()
    known = [each.name for each in VARIANTS]
    asked = [each.strip() for each in parsed.require.split(",")]
    for each in asked:
        if each not in (*known, "all"):
            parsed.refuse(f"--require: expected names among {', '.join(known)}, or all, got {each!r}")
    return frozenset(asked)


def _tell(found: Examination, where: str | None, status: int, faults: list[str]) -> None:
    if where is not None:
        record = {**found.as_json(), "faults": faults, "exit_status": status}
        deliver(where, json_text(record))
    if where == STREAM:
        return
    from pytest_unikernel.doctor import screen  # noqa: PLC0415 - see Command

    show("\n".join([*screen.lines(found), *_verdict(faults)]) + "\n")


def _verdict(faults: list[str]) -> list[str]:
    from pytest_unikernel.text.grid import wrapped  # noqa: PLC0415 - see Command

    return ["", *wrapped(f"should run, but do not: {', '.join(faults)}", "")] if faults else []


COMMAND = Command(
    ("doctor",),
    "Check this host: targets that run, cures for the others, limits, noise.",
    _describe,
    _run,
)
