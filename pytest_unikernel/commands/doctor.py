"""``pytest-unikernel doctor``."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import STREAM, deliver, note, refuse_no_place, show

if TYPE_CHECKING:
    from pytest_unikernel.doctor.examination import Examination

FAULTY = 1
# A healthy program answers in a fraction of it; others are waited for only where that was asked for.
PATIENCE_S, LONG_PATIENCE_S = 1.2, 60.0
HELP = f"""\
  {PROGRAM} doctor             targets, tools, limits, noise
  {PROGRAM} doctor --deep      and starts one instance of each
  {PROGRAM} doctor --require=rust_kernel,linux_vm
  {PROGRAM} doctor --json      as JSON, on standard output

Marks: yes, it runs; NO, it is installed and doesn't; - it isn't installed, or
the hardware hasn't got it; ? it didn't answer; ! it disturbs figures; ok, it
doesn't.

Exit status: 0 if no target that is installed refuses to run; with --require,
if all those named run. 1 if one doesn't. 2 for a wrong command line. Limits
and noise don't change it.

What is asked is what a load asks first: an engine is given our image of 8 KB,
what we build is kept in the cache, KVM boots a guest that ends at once.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument(
        "--deep", action="store_true", help="start each target once, cold, and say how long it took"
    )
    parser.add_argument(
        "--json",
        nargs="?",
        const=STREAM,
        metavar="FILE",
        help="write everything to FILE; without one, to standard output in place of the screen",
    )
    parser.add_argument(
        "--require",
        metavar="NAME,...",
        help="targets that must run (rust_kernel,linux_vm[kvm] or all); the exit status is then about these",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="how long programs that are asked may take, all together "
        f"(default {PATIENCE_S:g}; {LONG_PATIENCE_S:g} with --deep or --require)",
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
            parsed.refuse(f"--require: expected names out of {', '.join(known)}, or all, got {each!r}")
    return frozenset(asked)


def _tell(found: Examination, where: str | None, status: int, faults: list[str]) -> None:
    if where is not None:
        record = {**found.as_json(), "faults": faults, "exit_status": status}
        text = json.dumps(record, indent=2) + "\n"
        deliver(where, text)
    if where == STREAM:
        return
    from pytest_unikernel.doctor import screen  # noqa: PLC0415 - see Command

    show("\n".join([*screen.lines(found), *_verdict(faults)]) + "\n")


def _verdict(faults: list[str]) -> list[str]:
    from pytest_unikernel.text.grid import wrapped  # noqa: PLC0415 - see Command

    return ["", *wrapped(f"don't run, and should: {', '.join(faults)}", "")] if faults else []


COMMAND = Command(
    ("doctor",),
    "Say what runs here, what doesn't, the cure, and what makes figures noisy.",
    _describe,
    _run,
)
