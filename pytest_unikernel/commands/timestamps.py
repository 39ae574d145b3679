"""``pytest-unikernel timestamps``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_unikernel.commands.command import PROGRAM, Command
from pytest_unikernel.commands.output import STREAM, deliver, json_text, show
from pytest_unikernel.errors import LogError

if TYPE_CHECKING:
    from pytest_unikernel.targets.urunc.log.log import Log
    from pytest_unikernel.targets.urunc.log.report import View

EXAMPLES = f"""\
examples:
  {PROGRAM} timestamps /tmp/urunc.zlog             all containers
  {PROGRAM} timestamps /tmp/urunc.zlog 9f86d081    one container
  {PROGRAM} timestamps ts.log --phases --json ts.json
  output as of measure_single.py, measure.py, measure_to_json.py:
  {PROGRAM} timestamps ts.log 9f86d081 --format urunc
  {PROGRAM} timestamps ts.log --format urunc
  {PROGRAM} timestamps ts.log --format urunc --json ts.json

A container that is created again under the same id has a new life, which begins
with TS00. The release of urunc is recognised by the format of the log.
Quantiles are of type 7 (Hyndman and Fan); p95 needs 40 values, p99 needs 200.
The log is only read. The exit status is 2 if the log has no timestamps, or not
the container.
"""


def _describe(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("log", metavar="LOG", help="urunc's log; - is standard input")
    parser.add_argument(
        "container",
        nargs="?",
        metavar="CONTAINER_ID",
        help="one container: its id or a unique prefix of it; default: all containers",
    )
    view = parser.add_mutually_exclusive_group()
    for name, text in (
        ("phases", "show named phases: create, nsenter, created, start->exec, network, rootfs, total"),
        (
            "neighbours",
            "show intervals from each timestamp to the next in time; default: to the next id in order",
        ),
    ):
        view.add_argument(f"--{name}", dest="view", action="store_const", const=name, help=text)
    parser.set_defaults(view=None)
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="also write all figures to FILE, in seconds; - writes them to standard output instead of the "
        "tables",
    )
    parser.add_argument(
        "--format",
        choices=("text", "urunc"),
        default="text",
        help="text (default): tables; urunc: the output of urunc's own scripts, byte for byte (ns), or with "
        "--json the file that they write",
    )


def _run(parsed: argparse.Namespace) -> int:
    _check(parsed)
    log = _read(parsed.log)
    if parsed.format == "urunc":
        _as_urunc(log, parsed)
    else:
        _as_text(log, parsed)
    return 0


def _check(parsed: argparse.Namespace) -> None:
    """Refuse options that would be ignored, and an output that would replace the log."""
    if parsed.format == "urunc" and parsed.view == "phases":
        parsed.refuse("--format urunc shows neighbours only, got --phases; leave one of them out")
    if parsed.json == STREAM and parsed.view is not None:
        parsed.refuse(f"--json - prints all views and no table; leave --{parsed.view} out")
    if parsed.json not in (None, STREAM) and _is_log(Path(parsed.json), parsed.log):
        parsed.refuse(f"--json must name another file than the log, got {parsed.json!r}")


def _is_log(file: Path, log: str) -> bool:
    """Return whether the results would go to where the log comes from."""
    try:
        status = os.fstat(sys.stdin.fileno()) if log == STREAM else Path(log).stat()
        return os.path.samestat(file.stat(), status)
    except (OSError, ValueError):
        return False


def _read(name: str) -> Log:
    from pytest_unikernel.targets.urunc.log.log import SWITCHED_ON, read_log  # noqa: PLC0415 - see Command

    if name == STREAM:
        return read_log("standard input", sys.stdin.buffer)
    try:
        with Path(name).open("rb") as stream:
            return read_log(name, stream)
    except FileNotFoundError:
        raise LogError(
            f"expected a log of urunc, got {name!r}, which does not exist; {SWITCHED_ON}"
        ) from None
    except OSError as error:
        raise LogError(f"expected a log of urunc, can't read {name!r}: {error.strerror}") from None


def _as_text(log: Log, parsed: argparse.Namespace) -> None:
    from pytest_unikernel.targets.urunc.log import container_report, document, report  # noqa: PLC0415 - see Command
    from pytest_unikernel.targets.urunc.log.log import container_named  # noqa: PLC0415 - see Command

    chosen = None if parsed.container is None else container_named(log, parsed.container)
    view: View = parsed.view or "intervals"
    if parsed.json is not None:
        record = document.overview(log) if chosen is None else document.one(log, chosen)
        deliver(parsed.json, json_text(record))
    if parsed.json != STREAM:
        lines = report.overview(log, view) if chosen is None else container_report.one(log, chosen, view)
        show("\n".join(lines) + "\n")


def _as_urunc(log: Log, parsed: argparse.Namespace) -> None:
    from pytest_unikernel.targets.urunc.log import scripts  # noqa: PLC0415 - see Command
    from pytest_unikernel.targets.urunc.log.log import container_named  # noqa: PLC0415 - see Command

    chosen = None if parsed.container is None else log.containers[container_named(log, parsed.container)]
    containers = log.containers.values() if chosen is None else [chosen]
    if parsed.json is not None:
        deliver(parsed.json, scripts.overall_json(containers))
    else:
        show(scripts.overall(containers) if chosen is None else scripts.single(chosen))


COMMAND = Command(
    ("timestamps",),
    "Show how long each part of a container's start took, by urunc's timestamps.",
    _describe,
    _run,
)
